-- Cold starts: SKUs that were out of stock before they had an in-stock week of their own to learn from
-- param min_weeks: integer = 1  fewest cold stockout weeks
SELECT
    Store,
    Product,
    MIN(week) AS first_week,
    MAX(week) AS last_week,
    COUNT(*) AS cold_weeks,
    SUM(CASE WHEN imputed THEN 1 ELSE 0 END) AS imputed_weeks,
    ROUND(AVG(sales), 2) AS mean_demand
FROM imputed
WHERE ARRAY_CONTAINS(flags, 'cold_start')
GROUP BY Store, Product
HAVING COUNT(*) >= :min_weeks
ORDER BY cold_weeks DESC, Store, Product
