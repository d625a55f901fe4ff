"""Numerical kernels: scalar loops over pixels, polygons and observations, compiled by numba.

A kernel knows arrays only, never scenes or berths: numpy and numba are all it imports. Each file holds
one idea: a loop under `compile.kernel`, and beside it a typed function that checks what it is handed.
`reference` holds the plain, slow, obvious twin of each. Nothing is imported here, so that importing one
kernel never pays for another; import from the module: `from berthwatch.kernels.shift import shift_bilinear`.
"""
