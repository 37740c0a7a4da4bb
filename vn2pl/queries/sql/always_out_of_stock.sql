-- SKUs that were out of stock in every week: what is imputed rests on other SKUs alone
SELECT
    Store,
    Product,
    MIN(week) AS first_week,
    MAX(week) AS last_week,
    COUNT(*) AS weeks,
    SUM(CASE WHEN imputed THEN 1 ELSE 0 END) AS imputed_weeks,
    ROUND(SUM(sales_observed), 2) AS sold,
    ROUND(SUM(sales), 2) AS demand
FROM imputed
GROUP BY Store, Product
HAVING SUM(CASE WHEN in_stock THEN 1 ELSE 0 END) = 0
ORDER BY demand DESC, Store, Product
