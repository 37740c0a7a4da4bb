-- Longest stockouts: runs of weeks of a SKU without stock, and the units they lost
-- param top: integer = 20  how many
WITH weeks AS (
    SELECT
        Store,
        Product,
        week,
        in_stock,
        sales - sales_observed AS lost,
        SUM(CASE WHEN in_stock THEN 1 ELSE 0 END) OVER (PARTITION BY Store, Product ORDER BY week) AS weeks_in_stock
    FROM imputed
)
SELECT
    Store,
    Product,
    MIN(week) AS first_week,
    MAX(week) AS last_week,
    COUNT(*) AS stockout_weeks,
    ROUND(SUM(lost), 2) AS lost
FROM weeks
WHERE NOT in_stock
GROUP BY Store, Product, weeks_in_stock
ORDER BY stockout_weeks DESC, lost DESC, Store, Product, first_week
LIMIT :top
