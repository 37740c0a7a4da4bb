-- Weeks with abnormal stockouts: their share of SKUs is far above that of the usual week
-- param deviations: number = 2  how many standard deviations above the mean of all weeks
WITH weeks AS (
    SELECT
        week,
        COUNT(*) AS skus,
        SUM(CASE WHEN in_stock THEN 0 ELSE 1 END) AS stockouts,
        100 * SUM(CASE WHEN in_stock THEN 0 ELSE 1 END) / COUNT(*) AS share,
        SUM(sales) - SUM(sales_observed) AS lost
    FROM imputed
    GROUP BY week
),
usual AS (
    SELECT AVG(share) AS mean, COALESCE(STDDEV(share), 0) AS deviation FROM weeks
)
SELECT
    week,
    skus,
    stockouts,
    ROUND(share, 2) AS stockout_percent,
    ROUND(mean, 2) AS usual_percent,
    ROUND(lost, 2) AS lost
FROM weeks
CROSS JOIN usual
WHERE share > mean + :deviations * deviation
ORDER BY stockout_percent DESC, week
