-- Flagged SIPs: stockouts to be wary of, with the ends of their SIPs
-- param flag: text = ''  only this flag, such as cold_start; all if empty
-- param top: integer = 50  how many, the widest first
WITH ends AS (
    SELECT Store, Product, week, MIN(value) AS lowest, MAX(value) AS highest
    FROM sips
    GROUP BY Store, Product, week
)
SELECT
    i.Store,
    i.Product,
    i.week,
    ARRAY_TO_STRING(i.flags, ', ') AS flags,
    i.sales_observed AS sold,
    i.sales AS median,
    e.lowest,
    e.highest,
    i.own_weeks
FROM imputed AS i
LEFT JOIN ends AS e ON i.Store = e.Store AND i.Product = e.Product AND i.week = e.week
WHERE ARRAY_LENGTH(i.flags) > 0 AND (:flag = '' OR ARRAY_CONTAINS(i.flags, :flag))
ORDER BY highest DESC NULLS LAST, Store, Product, week
LIMIT :top
