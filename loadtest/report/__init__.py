"""Reports of runs: a document (JSON) that everything else is made from, a page, and JUnit's form for CI."""
