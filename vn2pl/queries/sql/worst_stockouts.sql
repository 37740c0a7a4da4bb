-- Worst stockouts: the SKU-weeks that lost most units
-- param top: integer = 20  how many
-- param since: date = 0001-01-01  first week that counts
SELECT
    Store,
    Product,
    week,
    sales_observed AS sold,
    sales AS demand,
    ROUND(sales - sales_observed, 2) AS lost,
    own_weeks,
    ARRAY_TO_STRING(flags, ', ') AS flags
FROM imputed
WHERE imputed AND week >= :since
ORDER BY lost DESC, Store, Product, week
LIMIT :top
