"""The operator's name, logo and support on the pages: what is refused, and what comes out."""

from pathlib import Path

import pytest

from bridge.configuration import SettingsError
from bridge.page_mark import LOGO_BYTES, read_mark
from bridge.settings import PageSettings
from bridge.signaling.mark import Logo, Mark
from bridge.signaling.web import default_web_directory, read_page

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{}</svg>'
PNG = b"\x89PNG\r\n\x1a\n"


def refused(path: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        read_mark(PageSettings(name="Legekontoret", logo=path))
    return caught.value


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (SVG.format('<path d="M0 0h1"/>').encode(), "image/svg+xml"),
        (('<?xml version="1.0"?><!DOCTYPE svg><!-- by hand -->' + SVG.format("")).encode(), "image/svg+xml"),
        (SVG.format('<defs><path id="p"/></defs><use xlink:href="#p"/>').encode("utf-16"), "image/svg+xml"),
        (PNG + b"\0" * 100, "image/png"),
    ],
)
def test_a_picture_is_told_by_what_it_is(tmp_path: Path, content: bytes, media_type: str) -> None:
    path = tmp_path / "logo"
    path.write_bytes(content)
    assert read_mark(PageSettings(name="Legekontoret", logo=path)).logo == Logo(content, media_type)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (SVG.format("<script>alert(1)</script>").encode(), "<script>"),
        (SVG.format("<foreignObject/>").encode(), "<foreignObject>"),
        (SVG.format('<rect onclick="alert(1)"/>').encode(), "handler onclick"),
        (SVG.format('<image href="https://elsewhere.example/x.png"/>').encode(), "links to another file"),
        (SVG.format('<a xlink:href="javascript:alert(1)"/>').encode(), "links to another file"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("&a;").encode(), "declares entities"),
        (b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "neither"),
        (b"<svg", "neither"),
        (b"GIF89a", "neither"),
        (b"", "neither"),
        (PNG + b"\0" * LOGO_BYTES, "larger"),
    ],
)
def test_what_could_run_or_come_from_elsewhere_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "logo.svg"
    path.write_bytes(content)
    error = refused(path)
    assert (error.code, error.field) == ("invalid_setting", "page.logo")
    assert str(path) in error.message
    assert "expected a PNG or an SVG" in error.message
    assert fault in error.message


def test_a_logo_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.svg").message
    assert "Is a directory" in refused(tmp_path).message


@pytest.mark.parametrize("page", ["index.html", "signin.html"])
def test_the_mark_stands_in_the_page_also_before_any_script(page: str) -> None:
    source = read_page(default_web_directory() / "client" / page)
    assert Mark().put_into(source) == source
    mark = Mark('Lege "A" & <B>', "Ring 22 33 44 55", Logo(PNG, "image/png"))
    marked = mark.put_into(source)
    assert '<meta name="service-name" content="Lege &quot;A&quot; &amp; &lt;B&gt;">' in marked
    assert '<meta name="service-logo" content="logo">' in marked
    assert '<img class="brand-logo" src="logo" alt=""><div>Lege &quot;A&quot; &amp; &lt;B&gt;</div></div>' in marked
    assert '<p class="support">Ring 22 33 44 55</p>' in marked
    assert "client/icon.svg" not in marked.partition("<body>")[2]


def test_a_backslash_in_a_name_is_a_backslash() -> None:
    assert r"A\1B" in Mark(r"A\1B").put_into("<!-- brand -->x<!-- /brand -->")
