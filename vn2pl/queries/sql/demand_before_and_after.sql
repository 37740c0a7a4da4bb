-- Demand week by week: what was sold, and demand after imputation
-- param store: text = ''  only this Store; all if empty
-- param product: text = ''  only this Product; all if empty
-- param since: date = 0001-01-01  first week
SELECT
    week,
    SUM(CASE WHEN in_stock THEN 0 ELSE 1 END) AS stockouts,
    SUM(CASE WHEN imputed THEN 1 ELSE 0 END) AS imputed_skus,
    ROUND(SUM(sales_observed), 2) AS before,
    ROUND(SUM(sales), 2) AS after,
    ROUND(SUM(sales) - SUM(sales_observed), 2) AS lift
FROM imputed
WHERE (:store = '' OR CAST(Store AS VARCHAR) = :store)
    AND (:product = '' OR CAST(Product AS VARCHAR) = :product)
    AND week >= :since
GROUP BY week
ORDER BY week
