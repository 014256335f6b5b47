"""Functions that an expression over a row may call: those of DuckDB that only compute.

An expression can come from a stranger, in the config.yaml of a run folder. So what is not listed is
refused: functions that wait (``sleep_ms``), that make much from little (``repeat``, ``lpad``,
``range``, ``printf``; ``replace`` and ``concat_ws`` do when they are nested), that read settings or
other rows, and that give another result each time (``random``).
"""

from __future__ import annotations

_OPERATORS = "+ - * / // % ^ ** & | << >> || ^@ ~~ !~~ ~~* !~~* ~~~"
_NUMBERS = """
    abs acos asin atan atan2 bit_count cbrt ceil ceiling cos degrees even exp floor fmod greatest
    isfinite isinf isnan least ln log log10 log2 mod pi pow power radians round round_even sign sin
    sqrt tan tanh trunc
"""
_TEXT = """
    ascii char_length character_length concat contains damerau_levenshtein ends_with hash
    ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity lcase left len length
    levenshtein like_escape lower ltrim md5 not_ilike_escape not_like_escape ord position prefix
    regexp_extract regexp_full_match regexp_matches reverse right rtrim split_part starts_with
    strip_accents strlen strpos substr substring suffix translate trim ucase unicode upper
"""
_TIMES = """
    age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc
    day dayname dayofmonth dayofweek dayofyear decade epoch epoch_ms epoch_ns epoch_us era
    get_current_timestamp hour isodow isoyear julian last_day make_date make_time make_timestamp
    millennium millisecond microsecond minute month monthname now quarter second strftime strptime
    time_bucket timezone to_centuries to_days to_decades to_hours to_microseconds to_milliseconds
    to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
    transaction_timestamp try_strptime week weekday weekofyear year yearweek
"""
ROW_FUNCTIONS = frozenset(
    f"{_OPERATORS} {_NUMBERS} {_TEXT} {_TIMES} constant_or_null if ifnull nullif typeof".split()
)
