"""How a study runs: tasks on seats (processes or a cluster's workers), rows on the disk, one folder."""
