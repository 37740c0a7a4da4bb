-- Service level by Product: per cent of SKU-weeks in stock, and of demand that was sold (fill rate); worst first
-- param since: date = 0001-01-01  first week that counts
-- param top: integer = 50  how many
SELECT
    Product,
    COUNT(DISTINCT Store) AS stores,
    COUNT(*) AS sku_weeks,
    SUM(CASE WHEN in_stock THEN 0 ELSE 1 END) AS stockout_weeks,
    ROUND(100 * SUM(CASE WHEN in_stock THEN 1 ELSE 0 END) / COUNT(*), 2) AS in_stock_percent,
    ROUND(100 * SUM(sales_observed) / NULLIF(SUM(sales), 0), 2) AS fill_rate_percent
FROM imputed
WHERE week >= :since
GROUP BY Product
ORDER BY in_stock_percent, fill_rate_percent, Product
LIMIT :top
