"""Who may trade by hand and loosen what restrains orders. Whoever can use a home may always look and always stop."""

from collections.abc import Sequence

from sysproduction.domain.errors import Refused


def permitted(by: str, operators: Sequence[str]) -> Refused | None:
    """None if `by` is one of the `operators`, or if nobody was named: then it is whoever can use the home."""
    if not operators or by in operators:
        return None
    return Refused(f"{by} is not among the operators of this home ({', '.join(sorted(operators))}): trading.operators")
