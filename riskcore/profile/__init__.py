"""Where the time of the kernels goes, what became of their code, whether all executions agree."""
