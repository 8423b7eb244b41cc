"""Cleaning steps and presets."""

import pytest

from hfkit.models.cleaning import PRESETS, STEPS, clean, join_texts, resolve_steps


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("html", "<b>5 &lt; 6</b> &amp; <br/>more", "5 < 6 & more"),
        ("html", "x < y and y > z", "x < y and y > z"),
        ("url", "see https://t.co/x?y=1#z and www.example.org/a now", "see and now"),
        ("username", "thanks @user_1, mail me@example.org", "thanks , mail me@example.org"),
        ("hashtag", "#COVID19 is # 1", "COVID19 is # 1"),
        ("rep", "sooooo coool, 1000 cases... see", "so col, 1000 cases... see"),
        ("punctuation", "Wash_your hands, now! (please)", "Wash your hands now please"),
        ("demojize", "wash 👍", "wash :thumbs_up:"),
        ("normalize", "a\u2019s \u201cb\u201d \u2013 c\u2026\n\td\x07 &amp;", 'a\'s "b" - c... d &'),
        ("username_token", "(@WHO said", "( twitteruser said"),
        ("username_token", "a@b.org @@x", "a@b.org @@x"),
        ("url_token", "at https://t.co/x.", "at twitterurl"),
        ("dollar_url", "at https://t.co/x now", "at $URL$ now"),
        ("ascii_punctuation", "\u2018a\u2019\u2014b", "'a'-b"),
        ("lower", "COVID", "covid"),
        (
            "merge_tokens",
            "twitteruser twitteruser twitteruser twitterurl twitterurl a twitterurl",
            "3 twitteruser 2 twitterurl a twitterurl",
        ),
    ],
)
def test_steps(step: str, text: str, expected: str) -> None:
    assert clean(text, [step]) == expected


@pytest.mark.parametrize(
    ("preset", "text", "expected"),
    [
        ("ctbert", "@user1 @user2 https://t.co/x 👍", "2 twitteruser twitterurl :thumbs_up:"),
        ("ctbert", "https://medium.com/@x/abc", "twitterurl"),
        ("ctbert", "“Stay   HOME”…\n(@x)", '"stay home"... ( twitteruser )'),
        ("g2tmn", "Look https://t.co/x 👍 @You", "look $url$ :thumbs_up: @you"),
        ("report", "Look  https://t.co/x 👍 @You", "Look  https://t.co/x :thumbs_up: @You"),
        ("none", " 👍  ", " 👍  "),
    ],
)
def test_presets(preset: str, text: str, expected: str) -> None:
    assert clean(text, resolve_steps([preset])) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_keep_an_empty_text_and_do_not_fail_on_odd_ones(preset: str) -> None:
    steps = resolve_steps([preset])
    assert clean("", steps) == ""
    assert isinstance(clean("\u0000\ud83d ‍ @ # http:// &#x110000; <", steps), str)


def test_names_are_resolved_in_order() -> None:
    assert resolve_steps(["url", "report", "lower"]) == ["url", "demojize", "lower"]
    assert resolve_steps([]) == []
    with pytest.raises(
        ValueError, match=r"Unknown cleaning 'urls': write a preset \(report, ctbert, g2tmn, none\) or steps"
    ):
        resolve_steps(["urls"])


def test_every_step_is_named_in_the_documentation() -> None:
    assert all(f"`{step}`" in str(resolve_steps.__doc__) for step in STEPS)


def test_two_columns_are_joined_by_a_space() -> None:
    assert join_texts(["Title", "Body"]) == "Title Body"
    assert join_texts(["", "Body"]) == "Body"
