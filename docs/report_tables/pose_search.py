"""Tables of how soon people are found, each against the version before search by motion and small tiles."""

from report_tables.markdown import Column, table
from report_tables.reports import Report, Reports


def pose_search(reports: Reports) -> str:
    """Lay out how soon a person who comes in is found, and what a picture costs while nobody does."""
    before, after = (reports[name]["rows"] for name in ("pose_search_before", "pose_search"))

    def trials(row: Report) -> str:
        # Those who were not found were waited for longest.
        found = sorted(row["pictures_until_found"])[: row["found"]]
        mean = f"{sum(found) / len(found):.1f}" if found else "-"
        return f"{mean} ({len(found)} of {len(row['pictures_until_found'])})"

    columns = (
        Column("there already", lambda pair: "one person" if pair[0]["known"] else "nobody"),
        Column("who comes, pixels tall", lambda pair: pair[0]["height_px"]),
        Column("how", lambda pair: "walks in" if pair[0]["walks"] else "at once"),
        Column("quiet picture before, after", lambda pair: [row["quiet_cpu_ms"] for row in pair], ".1f", " ms"),
        Column("pictures until found (trials) before", lambda pair: trials(pair[0])),
        Column("after", lambda pair: trials(pair[1])),
    )
    return table(columns, list(zip(before, after, strict=True)))


def small_people(reports: Reports) -> str:
    """Lay out in how many pictures a small person is found."""
    before, after = (reports[name]["rows"] for name in ("small_people_before", "small_people"))
    columns = (
        Column("picture", lambda pair: pair[0]["picture"].replace("x", " x ")),
        Column("person, pixels tall", lambda pair: pair[0]["height_px"]),
        Column("left, top", lambda pair: ", ".join(str(pixel) for pixel in pair[0]["at"])),
        Column("moving or still", lambda pair: pair[0]["person"]),
        Column("pictures", lambda pair: pair[0]["pictures"]),
        Column("found before, after", lambda pair: [row["found"] for row in pair], ".0f"),
        Column("a picture before, after", lambda pair: [row["cpu_ms"] for row in pair], ".0f", " ms"),
    )
    return table(columns, list(zip(before, after, strict=True)))
