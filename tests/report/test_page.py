import base64
from html.parser import HTMLParser

import numpy as np
import pytest

from kelbo import plots, report
from kelbo.errors import InputError

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = "<script>alert('x')</script>\"&"


class Page(HTMLParser):
    """The elements, texts and attributes of a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and data.strip():
            self.texts.append(data.strip())


@pytest.fixture
def picture(tmp_path):
    return plots.save(plots.image_grid(np.eye(8)[None]), tmp_path / "samples.png")


@pytest.fixture
def content(picture):
    return {
        "title": "digits",
        "command": "kelbo fit digits --out runs/a",
        "summary": {
            "train": {"loss": 150.123, "kl": 6.3},
            "validation": {"loss": 153.456, "kl": 6.4},
            "log_likelihood": {"nats per example": -148.93, "samples": 1000},
            "seconds": 61.2,
            "seed": 7,
        },
        "config": {"latent_dim": 2, "optimizer": {"name": "adam", "learning_rate": 1e-3}},
        "history": {"loss": [160.0, 150.0], "val_loss": [161.0, None]},
        "pictures": [("Samples from the prior", picture)],
        "notes": ["The data are not binary, yet the likelihood is Bernoulli."],
    }


def test_everything_is_in_the_page(tmp_path, content, picture):
    path = report.write(tmp_path / "report.html", **content)
    assert path == tmp_path / "report.html"
    page = Page(path.read_text("utf-8"))
    for text in (
        "digits",
        "kelbo fit digits --out runs/a",
        "The data are not binary, yet the likelihood is Bernoulli.",
        "150.12",
        "153.46",
        "log likelihood",
        "\N{MINUS SIGN}148.93",
        "61.20",
        "optimizer.learning rate",
        "0.001",
        "160.00",
        "Samples from the prior",
    ):
        assert text in page.texts
    sources = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    kind, data = sources[0].split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data, validate=True) == picture.read_bytes()


def test_nothing_comes_from_outside(tmp_path, content):
    text = report.write(tmp_path / "report.html", **content).read_text("utf-8")
    page = Page(text)
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert {"script", "link", "iframe", "object"}.isdisjoint(page.tags)
    linked = [value for _, name, value in page.attributes if name in ("src", "href", "srcset")]
    assert all(value.startswith("data:image/png;base64,") for value in linked)
    assert ("meta", "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in (
        page.attributes
    )


def test_text_is_never_taken_for_markup(tmp_path, picture):
    path = report.write(
        tmp_path / "report.html",
        title=HOSTILE,
        command=HOSTILE,
        summary={HOSTILE: HOSTILE, "a": {HOSTILE: HOSTILE}, "b": {HOSTILE: HOSTILE}},
        config={HOSTILE: [HOSTILE], "nested": {HOSTILE: {HOSTILE: HOSTILE}}},
        history={HOSTILE: [HOSTILE, 1.0]},
        pictures=[(HOSTILE, picture)],
        notes=[HOSTILE],
    )
    text = path.read_text("utf-8")
    assert "<script" not in text
    page = Page(text)
    assert "script" not in page.tags
    assert page.texts.count(HOSTILE) >= 10
    assert ("img", "alt", HOSTILE) in page.attributes


def test_the_verdict_stands_at_the_top(tmp_path, content):
    finding = {"name": "a", "severity": "fault", "sentence": HOSTILE, "advice": ["less of it"]}
    verdict = {"healthy": False, "headline": "1 fault", "findings": [finding]}
    text = report.write(tmp_path / "a.html", **content, verdict=verdict).read_text("utf-8")
    page = Page(text)
    assert text.index("Verdict") < text.index("Figures")
    assert {"1 fault", HOSTILE, "less of it"} <= set(page.texts)
    assert ("section", "class", "verdict suspicious") in page.attributes
    well = {"healthy": True, "headline": "nothing suspicious", "findings": []}
    text = report.write(tmp_path / "b.html", **content, verdict=well).read_text("utf-8")
    assert "nothing suspicious" in Page(text).texts
    assert "Verdict" not in Page(report.write(tmp_path / "c.html", **content).read_text()).texts


def test_dollar_signs_in_texts_stay(tmp_path, content):
    content |= {"title": "$command costs $5", "notes": ["${history}"]}
    page = Page(report.write(tmp_path / "report.html", **content).read_text("utf-8"))
    assert "$command costs $5" in page.texts
    assert "${history}" in page.texts


def test_without_pictures_or_notes_their_sections_are_left_out(tmp_path, content):
    content |= {"pictures": [], "notes": ()}
    page = Page(report.write(tmp_path / "report.html", **content).read_text("utf-8"))
    assert "Pictures" not in page.texts
    assert "ul" not in page.tags


def test_the_same_content_gives_the_same_bytes(tmp_path, content):
    first = report.write(tmp_path / "a.html", **content).read_bytes()
    assert report.write(tmp_path / "b.html", **content).read_bytes() == first


def test_a_missing_picture_is_named_and_the_old_page_stays(tmp_path, content):
    path = tmp_path / "report.html"
    path.write_text("old")
    content["pictures"] = [("Lost", tmp_path / "lost.png")]
    with pytest.raises(InputError, match=r"picture .*lost\.png cannot be read \(No such file"):
        report.write(path, **content)
    assert path.read_text() == "old"


def test_what_is_no_png_is_refused(tmp_path, content):
    (tmp_path / "fake.png").write_text("<svg/>")
    content["pictures"] = [("Fake", tmp_path / "fake.png")]
    with pytest.raises(InputError, match=r"fake\.png is no PNG file"):
        report.write(tmp_path / "report.html", **content)


def test_a_missing_folder_is_named(tmp_path, content):
    with pytest.raises(InputError, match="there is no folder"):
        report.write(tmp_path / "nowhere" / "report.html", **content)


def test_a_write_that_fails_leaves_the_old_page(tmp_path, content):
    path = tmp_path / "report.html"
    path.write_text("old")
    content["title"] = "\ud800"  # half of a character, which no encoding can write
    with pytest.raises(UnicodeEncodeError):
        report.write(path, **content)
    assert path.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"report.html", "samples.png"}
