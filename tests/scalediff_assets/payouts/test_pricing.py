"""What data is worth: bonuses, caps, who may earn; always whole lamports, never more than the policy says."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.ledger import Rate
from scalediff_assets.payout_schemas import PAYOUT_FRAUD
from scalediff_assets.payouts.accepted import manoeuvres
from scalediff_assets.payouts.fraud.evidence import Evidence
from scalediff_assets.payouts.policy import (
    DEFAULT_PRICES_PATH,
    PricePolicy,
    PricePolicyError,
    load_price_policy,
)
from scalediff_assets.payouts.pricing import ACCEPTED, EXCLUSIONS, Priced, lacking_rates, price
from scalediff_assets.payouts.report import payout_markdown, payout_tables, sol
from world.minitown.routes import load_route_set

POLICY = load_price_policy()
PROVEN = pl.Schema({"wallet": pl.String, "session_id": pl.String})


def changed(**parts: dict[str, Any]) -> PricePolicy:
    content = POLICY.model_dump()
    for part, fields in parts.items():
        content[part] |= fields
    return PricePolicy.model_validate(content)


def accepted(*rows: tuple[str, str, int, str | None, str | None]) -> pl.DataFrame:
    """Rows of wallet, session, number of segments, scenario, manoeuvre."""
    found = [
        (f"{session}_{number:03d}", session, wallet, 150, scenario, manoeuvre)
        for wallet, session, count, scenario, manoeuvre in rows
        for number in range(1, count + 1)
    ]
    return pl.DataFrame(found, schema=ACCEPTED, orient="row")


def priced(
    table: pl.DataFrame,
    *,
    proven: list[tuple[str, str]] | None = None,
    excluded: list[tuple[str, str, str, str]] | None = None,
    rates: list[Rate] | None = None,
    policy: PricePolicy = POLICY,
) -> Priced:
    """Priced with everybody proven, unless said otherwise."""
    everybody = table.select("wallet", "session_id").unique()
    return price(
        accepted=table,
        proven=everybody if proven is None else pl.DataFrame(proven, schema=PROVEN, orient="row"),
        excluded=pl.DataFrame(excluded or [], schema=EXCLUSIONS, orient="row"),
        rates=rates or [],
        policy=policy,
    )


def test_a_free_drive_earns_the_base_for_each_segment() -> None:
    found = priced(accepted(("a", "s1", 3, None, None), ("b", "s2", 1, "free", None)))
    base = POLICY.base.segment_lamports
    assert found.sessions.select("wallet", "segments", "frames", "lamports", "status").rows() == [
        ("a", 3, 450, 3 * base, "payable"),
        ("b", 1, 150, base, "payable"),
    ]


def test_bonuses_for_scenario_and_manoeuvre_add_up() -> None:
    rates = [Rate(trait="left", share_percent=1.0, bonus_percent=33)]
    found = priced(accepted(("a", "s1", 1, "school-zone", "left")), rates=rates)
    assert found.sessions["lamports"].to_list() == [POLICY.base.segment_lamports * 183 // 100]


def test_an_invented_scenario_earns_no_bonus() -> None:
    found = priced(accepted(("a", "s1", 1, "my-own", "right")))
    assert found.sessions["lamports"].to_list() == [POLICY.base.segment_lamports]


def test_every_staged_scenario_has_its_bonus_in_the_packaged_policy() -> None:
    staged = {route.scenarios[0].name for route in load_route_set("scenarios-11").routes}
    assert staged == set(POLICY.scenario_bonus_percent)


def test_a_wallet_that_proved_nothing_is_shown_with_its_worth_and_not_paid() -> None:
    table = accepted(("a", "s1", 2, None, None), ("a", "s2", 1, None, None))
    # The session belongs to another wallet: that is no proof for this one.
    found = priced(table, proven=[("b", "s1"), ("a", "s2")])
    base = POLICY.base.segment_lamports
    columns = found.sessions.select("session_id", "worth_lamports", "lamports", "status").rows()
    assert columns == [("s1", 2 * base, 0, "unverified"), ("s2", base, base, "payable")]
    assert found.lines["session_id"].to_list() == ["s2"]
    assert priced(table, proven=[], policy=changed(eligibility={"wallets": "any"})).lines.height == 2


def test_what_a_fraud_rule_excludes_or_holds_earns_nothing_and_says_why() -> None:
    table = accepted(*[("a", session, 1, None, None) for session in ("s1", "s2", "s3", "s4")])
    found = priced(
        table,
        excluded=[
            ("s1", "a", "loop", "hold"),
            ("s2", "a", "loop", "hold"),
            ("s2", "a", "copy", "exclude"),
            ("s3", "another", "copy", "exclude"),
        ],
    )
    assert found.sessions.select("session_id", "status", "rule").rows() == [
        ("s1", "held", "loop"),
        ("s2", "excluded", "copy"),
        ("s3", "payable", None),
        ("s4", "payable", None),
    ]
    assert found.lines["session_id"].to_list() == ["s3", "s4"]


def test_an_unknown_severity_is_refused() -> None:
    with pytest.raises(ValueError, match="'maybe' is not one of exclude, hold"):
        priced(accepted(("a", "s1", 1, None, None)), excluded=[("s1", "a", "r", "maybe")])


def test_a_full_day_earns_no_more_and_others_do_not_notice() -> None:
    base = POLICY.base.segment_lamports
    by_count = changed(caps={"wallet_day_segments": 3})
    table = accepted(("a", "s1", 2, None, None), ("a", "s2", 2, None, None), ("b", "s3", 1, None, None))
    assert priced(table, policy=by_count).sessions["lamports"].to_list() == [2 * base, base, base]
    by_sum = changed(caps={"wallet_day_lamports": 2 * base + 7})
    assert priced(table, policy=by_sum).sessions["lamports"].to_list() == [2 * base, 7, base]


def test_sessions_that_do_not_earn_do_not_fill_the_day() -> None:
    base = POLICY.base.segment_lamports
    table = accepted(("a", "s1", 2, None, None), ("a", "s2", 2, None, None))
    found = priced(table, proven=[("a", "s2")], policy=changed(caps={"wallet_day_segments": 2}))
    assert found.sessions["lamports"].to_list() == [0, 2 * base]


rows = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["s1", "s2", "s3"]),
        st.sampled_from([None, "cut-in", "school-zone", "?"]),
        st.sampled_from([None, "left", "right"]),
    ),
    max_size=30,
)


@given(rows, st.integers(0, 10**6), st.randoms())
def test_the_order_of_rows_is_nothing_and_caps_hold(
    found: list[tuple[str, str, str | None, str | None]], cap: int, random: Any
) -> None:
    table = pl.DataFrame(
        [(f"{number:03d}", s, w, 150, scenario, m) for number, (w, s, scenario, m) in enumerate(found)],
        schema=ACCEPTED,
        orient="row",
    )
    policy = changed(caps={"wallet_day_lamports": cap})
    first = priced(table, policy=policy).sessions
    order = list(range(table.height))
    random.shuffle(order)
    assert priced(table[order], policy=policy).sessions.equals(first)
    worth = dict(first.group_by("wallet").agg(pl.col("worth_lamports").sum()).rows())
    for wallet, lamports in first.group_by("wallet").agg(pl.col("lamports").sum()).rows():
        assert lamports == min(cap, worth[wallet])


def test_the_rarer_a_manoeuvre_the_higher_its_bonus() -> None:
    stock = {"left": 6, "right": 12, "straight": 0, "none": 82}
    assert [
        (rate.trait, rate.share_percent, rate.bonus_percent) for rate in lacking_rates(stock, POLICY)
    ] == [
        ("left", 6.0, 25),
        ("right", 12.0, 0),
        ("straight", 0.0, 50),
    ]


def test_without_earlier_data_nothing_is_known_to_be_lacking() -> None:
    assert [(r.share_percent, r.bonus_percent) for r in lacking_rates({}, POLICY)] == [(None, 0)] * 3


def test_a_segments_manoeuvre_is_its_most_frequent_turn() -> None:
    cuts = pl.DataFrame(
        {
            "session_id": ["s", "s", "t"],
            "segment_id": ["s_001", "s_002", "t_001"],
            "first_frame_idx": [0, 10, 0],
            "end_frame_idx": [10, 20, 10],
        }
    )
    commands = [*[4] * 7, 1, 1, 2, *[4] * 9, 3, *[None] * 5, *[2] * 5, 1]
    frames = pl.DataFrame(
        {
            "session_id": ["s"] * 20 + ["t"] * 11,
            "frame_idx": [*range(20), *range(11)],
            "command": commands,
        }
    )
    assert manoeuvres(cuts, frames, 20).rows() == [("s_001", "left"), ("t_001", "right")]


def test_the_tables_say_who_earned_what_and_why_not() -> None:
    table = accepted(("a", "s1", 2, None, "left"), ("b", "s2", 1, None, None))
    found = priced(table, proven=[("a", "s1")])
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "wallet": pl.String, "segments": pl.Int64, "frames": pl.Int64, "lamports": pl.Int64,
        "paid_lamports": pl.Int64, "corrections": pl.Int64, "signatures": pl.List(pl.String),
    }  # fmt: skip
    ledger = pl.DataFrame(
        [("a", 2, 300, 400_000, 400_000, 0, ["5SigOfTheFirst"]), ("z", 0, 0, 0, 9, 1, ["5SigOfAnother"])],
        schema=schema,
        orient="row",
    )
    tables = payout_tables(table, found, ledger, PAYOUT_FRAUD.empty(), Evidence.of([]))
    assert not [
        text for name, each in tables.tables().items() for text in each.problems(getattr(tables, name))
    ]
    assert tables.wallets.select("wallet", "valid_segments", "lamports", "unpaid_because").rows() == [
        ("a", 2, 400_000, ""),
        ("b", 1, 0, "unverified (no_server_session) x 1"),
        ("z", 0, 0, ""),
    ]
    assert tables.stock.rows() == [("left", 2), ("none", 1)]
    text = payout_markdown(tables.wallets, lambda signature: f"https://e/{signature}")
    assert "| `a` | 2 | 300 | 0.0004 | [5SigOfTh…](https://e/5SigOfTheFirst) |" in text
    assert "| `b` | 1 | 150 | 0 | unverified (no_server_session) x 1 |" in text


@pytest.mark.parametrize(
    ("lamports", "text"),
    [(0, "0"), (1, "0.000000001"), (10**9, "1"), (1_500_000_000, "1.5"), (-2_400_000, "-0.0024")],
)
def test_sums_are_written_without_rounding(lamports: int, text: str) -> None:
    assert sol(lamports) == text


def test_comments_and_order_do_not_change_a_policys_hash(tmp_path: Path) -> None:
    text = DEFAULT_PRICES_PATH.read_text()
    same, other = tmp_path / "same.toml", tmp_path / "other.toml"
    same.write_text("# moved\n" + text.replace("200_000", "200000"))
    other.write_text(text.replace("200_000", "200_001"))
    assert load_price_policy(same).policy_hash == POLICY.policy_hash == POLICY.record.policy_hash
    assert load_price_policy(other).policy_hash != POLICY.policy_hash
    assert PricePolicy.model_validate_json(POLICY.record.content) == POLICY


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("200_000", "-1", "base.segment_lamports"),
        ('wallets = "issued"', 'wallets = "all"', "eligibility.wallets"),
        ("cut-in = 25", "cut-in = 25.5", "scenario_bonus_percent.cut-in"),
        ("left = 12.0", "left = 0", "lacking.target_percent.left"),
        ('version = "v1"', "", "version"),
        ('version = "v1"', "version = ", "is not TOML"),
        ("[caps]", "[caps]\nspare = 1", "caps.spare"),
    ],
)
def test_a_broken_policy_names_its_field(tmp_path: Path, before: str, after: str, named: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(DEFAULT_PRICES_PATH.read_text().replace(before, after, 1))
    with pytest.raises(PricePolicyError, match=named):
        load_price_policy(path)


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PricePolicyError, match=r"none\.toml: file: cannot be read"):
        load_price_policy(tmp_path / "none.toml")
