"""What vn2pl costs and how close it comes, beside other ways to do the same; see README.md in this folder."""
