"""Reading of tables as instruments and spreadsheets write them, into one reading per row in SI units.

:mod:`encoding` and :mod:`plain` convert bytes to rows of text with a header; :mod:`units`, :mod:`headers` and
:mod:`columns` determine the quantity and unit of each column; :mod:`directions`, :mod:`cycles` and
:mod:`layouts` convert every layout to the long form with one reading per row.
"""
