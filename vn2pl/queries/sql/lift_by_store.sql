-- Lift by Store: units that imputation adds to what was sold
-- param since: date = 0001-01-01  first week that counts
SELECT
    Store,
    COUNT(*) AS sku_weeks,
    SUM(CASE WHEN imputed THEN 1 ELSE 0 END) AS imputed_weeks,
    ROUND(SUM(sales_observed), 2) AS sold,
    ROUND(SUM(sales), 2) AS demand,
    ROUND(SUM(sales) - SUM(sales_observed), 2) AS lift,
    ROUND(100 * (SUM(sales) - SUM(sales_observed)) / NULLIF(SUM(sales_observed), 0), 2) AS lift_percent
FROM imputed
WHERE week >= :since
GROUP BY Store
ORDER BY lift DESC, Store
