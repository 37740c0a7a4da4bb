-- Most used candidates: the in-stock weeks that most stockouts learnt from (needs neighbours)
-- param top: integer = 20  how many
SELECT
    n.neighbour_store,
    n.neighbour_product,
    n.neighbour_week,
    MIN(p.sales) AS sold,
    COUNT(*) AS stockouts,
    MIN(n.rank) AS best_rank,
    ROUND(SUM(n.weight), 2) AS weight,
    ROUND(AVG(n.demand), 2) AS mean_demand
FROM neighbours AS n
JOIN panel AS p
    ON n.neighbour_store = p.Store AND n.neighbour_product = p.Product AND n.neighbour_week = p.week
GROUP BY n.neighbour_store, n.neighbour_product, n.neighbour_week
ORDER BY stockouts DESC, weight DESC, neighbour_store, neighbour_product, neighbour_week
LIMIT :top
