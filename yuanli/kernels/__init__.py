"""Arrays in, arrays out: the loops that take the time.

Images are channels-last, (N, H, W, C).  Every kernel has a NumPy twin, `<kernel>_numpy`, which is its
definition; `dispatch` decides which of the two runs.  Kernels do not check their arguments: `ops` does.
"""
