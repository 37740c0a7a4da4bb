-- Figures of the run: the summary, by name
-- param like: text = %  only names of this pattern, such as n_%
SELECT metric, value
FROM summary
WHERE metric LIKE :like
ORDER BY metric
