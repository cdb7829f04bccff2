"""Tables as instruments and spreadsheets write them: bytes, then columns with units, then one reading a row.

:mod:`encoding` and :mod:`plain` turn bytes into rows of text under a header; :mod:`units`, :mod:`headers` and
:mod:`columns` say which column is which quantity, in which unit; :mod:`directions`, :mod:`cycles` and
:mod:`layouts` turn every layout into the long form, one reading a row.
"""
