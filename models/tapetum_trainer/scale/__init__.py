"""More than one process, on one machine or several, by Ray: the extra `scale`.

`workers.train` lets several train one network; `search.search` tries recipes beside each other. What only they need is
imported when they are called.
"""
