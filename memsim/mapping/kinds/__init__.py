"""Layer kinds, one file each: which matrices a module holds, and how a torch function becomes reads."""
