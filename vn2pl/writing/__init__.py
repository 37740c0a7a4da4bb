"""What is written: the files of a run, and what people make of them."""
