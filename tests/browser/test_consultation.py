"""A whole consultation: four people in real browsers and NAV by WHIP and WHEP, from the links to what is told of it.

Whatever people do, they do on the page, by the words that stand there. Screenshots of each step are left in
`test-results/consultation`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.auth.oidc.counterpart import Counterpart, running_provider
from tests.browser.browsers import Browser, Driver, Page, names
from tests.browser.conftest import make_bridge
from tests.signaling.signin.house import Browser as HttpBrowser
from tests.signaling.signin.house import Vendor
from tests.support.bridge import Bridge, eventually
from tests.support.media import (
    BLUE,
    CYAN,
    GREEN,
    MAGENTA,
    RED,
    YELLOW,
    ColourTrack,
    Identity,
    ToneTrack,
    identity_of_colour,
)
from tests.support.namespace import Network
from tests.support.patience import PATIENCE
from tests.support.recorded import tracks
from tests.support.told import SECRET, Receiver, Story
from tests.support.webrtc_http import Publisher, Viewer

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOTS = Path("test-results/consultation")
RATE = 8
"""Pictures a second: there are some twenty films at once."""
DOCTOR, PATIENT, KIN, INTERPRETER = RED, GREEN, YELLOW, CYAN
NAV = MAGENTA
SCREEN = BLUE
PERSON, HPR = "17812099901", "431001110"
KARI, LINE, OLA, IRINA, OFFICE = "Kari Nordmann", "Line Danser", "Ola Nordmann", "Irina Petrova", "NAV Sagene"
ROLES = {"fastlege": LINE, "pasient": KARI, "parorende": OLA, "tolk": IRINA, "nav": OFFICE}


@pytest.fixture
def unstarted(network: Network, tmp_path: Path) -> Bridge:
    """A bridge that has not been started."""
    return make_bridge(tmp_path, network.ipv4)


@pytest.fixture
def providers(unstarted: Bridge) -> Iterator[list[Counterpart]]:
    """ID-porten and HelseID, where it is registered."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(running_provider(kind, f"{unstarted.url}/signin/{kind}/callback"))
            for kind in ("id-porten", "helseid")
        ]


def configure(bridge: Bridge, providers: list[Counterpart], hook: str) -> None:
    """Settings as an operator writes them."""
    folder = bridge.data.parent
    lines = ["[rooms]", 'linger = "1s"', "[signin]", f'public_url = "{bridge.url}"']
    for each, title in zip(providers, ("ID-porten", "HelseID"), strict=True):
        lines.append(each.settings("signin.providers", each.kind, title, folder))
    (folder / "hook.secret").write_text(SECRET)
    lines += ["[[webhooks.endpoints]]", 'tenant = "dev"', f'url = "{hook}"', 'secret_file = "hook.secret"']
    (folder / "bridge.toml").write_text("\n".join(lines))
    bridge.extra = ("--config", str(folder / "bridge.toml"))


class Album:
    """Screenshots, numbered as the story goes."""

    def __init__(self) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        for old in SHOTS.glob("*.png"):
            old.unlink()
        self._numbers = itertools.count(1)

    async def keep(self, step: str, **pages: Page) -> None:
        """One of each page."""
        number = next(self._numbers)
        shots = [page.screenshot(SHOTS / f"{number:02}-{step}-{who}.png") for who, page in pages.items()]
        await asyncio.gather(*shots)


async def shows(page: Page, text: str, where: str = "body") -> None:
    """Waits until these words stand there."""
    await page.wait(f"document.querySelector({where!r})?.innerText.includes({json.dumps(text)})")


async def press(page: Page, label: str, *, within: str = "", role: str = "button") -> None:
    """As `Page.press`, with the patience that it takes here."""
    await page.press(label, within=within, role=role)


async def sees(page: Page, *others: Identity) -> None:
    """Waits until each of them is seen once."""
    expected, seen = sorted(other.name for other in others), list[str]()
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while seen != expected:
        assert asyncio.get_running_loop().time() < deadline, f"expected {expected}, but saw {seen}"
        seen = names(identity_of_colour(tuple(colour)) for colour in await page.evaluate("received.colours()"))


async def sign_in(page: Page, provider: str, person: str, level: str) -> None:
    """From the link to the preview, by way of the provider."""
    await press(page, f"Logg inn med {provider}", role="link")
    await page.choose("Person", person)
    await page.choose("Nivå", level)
    await press(page, "Logg inn")
    await preview(page)


async def preview(page: Page) -> None:
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")


async def people(page: Page, inside: int, waiting: int = 0) -> None:
    """Opens the list of participants, which says how many there are, unless it is open."""
    label = f"Deltakere: {inside} i samtalen" + (f", {waiting} venter" if waiting else "")
    button = f"[...document.querySelectorAll('.head-button')].find((each) => each.ariaLabel === {json.dumps(label)})"
    await page.wait(button)
    if not await page.evaluate(f"{button}.ariaExpanded === 'true'"):
        await press(page, label)


async def choose_for(page: Page, name: str, act: str) -> None:
    """Chooses in the menu of somebody in the list of participants."""
    await press(page, f"Valg for {name}", within=".panel", role="")
    await press(page, act, within=".panel")


async def patient_waits(chromium: Browser, link: str, album: Album) -> Page:
    """Signs in, tests camera, sound and line, and goes to the waiting room."""
    page = await chromium.open(link, PATIENT, rate=RATE)
    await shows(page, "Logg inn til videokonsultasjonen")
    await album.keep("sign-in", patient=page)
    await sign_in(page, "ID-porten", "kari", "idporten-loa-high")
    await shows(page, f"Du blir med som {KARI}.")
    await press(page, "Test utstyr og linje")
    await press(page, "Spill av en lyd")
    await press(page, "Ja")
    line = "document.querySelector('.self-test .test-row:last-of-type').dataset.state"
    # A busy machine makes any line less than good; but it is tested, and lets a call through.
    await page.wait(f"['good', 'fair', 'poor'].includes({line})")
    await shows(page, "Kameraet virker.")
    await shows(page, "Mikrofonen hører deg.")
    await album.keep("self-test", patient=page)
    await press(page, "Lukk", within=".self-test footer")
    await press(page, "Bli med")
    await shows(page, "Du er neste", ".lobby-place")
    await shows(page, "Den du skal snakke med er ikke her akkurat nå.")
    assert await page.evaluate("received.connections.filter((each) => each.connectionState !== 'closed').length") == 0
    return page


async def doctor_prepares(chromium: Browser, link: str) -> Page:
    """Signs in, and is ready to enter."""
    page = await chromium.open(link, DOCTOR, rate=RATE)
    await sign_in(page, "HelseID", "line", "4")
    await shows(page, f"Du blir med som {LINE}.")
    return page


async def link_for(doctor: Page, role: str, name: str) -> str:
    """A link by the dialogue for it."""
    await press(doctor, "Inviter noen")
    await doctor.choose("Hvem er det?", role)
    await doctor.fill("Navn (vises for de andre)", name)
    return await made_link(doctor)


async def made_link(doctor: Page, album: Album | None = None) -> str:
    """What the dialogue makes that is open."""
    await press(doctor, "Lag lenke")
    await doctor.wait("document.querySelector('.invite .qr')")
    if album is not None:
        await album.keep("link", doctor=doctor)
    link = str(await doctor.evaluate("document.querySelector('#invite-link').value"))
    await press(doctor, "Ferdig")
    return link


async def guest_waits(chromium: Browser, link: str, identity: Identity, name: str) -> Page:
    """Comes by a link that asks for no sign-in, and waits."""
    page = await chromium.open(link, identity, rate=RATE)
    await press(page, "Fortsett")
    await preview(page)
    await shows(page, f"Du blir med som {name}.")
    await press(page, "Bli med")
    await page.wait("document.querySelector('.lobby-place')")
    return page


@dataclass
class Office:
    """NAV's own system: a client on aiortc that speaks WHIP and WHEP."""

    publisher: Publisher
    viewer: Viewer

    @classmethod
    async def follow(cls, bridge: Bridge, link: str, room: str) -> Office:
        """Follows the link as a browser does, for the token behind it."""
        client = HttpBrowser(bridge.url)
        await client.open(link.partition("#")[2])
        location = (await client.post("/signin/join")).json()["location"]
        token = location.partition("#")[2]
        return cls(Publisher(f"{bridge.url}/whip/{room}", token), Viewer(f"{bridge.url}/whep/{room}", token))

    async def enter(self) -> None:
        """Knocks until it is let in, and publishes."""
        await self.publisher.publish([ToneTrack(NAV), ColourTrack(NAV, 160, 120)])

    async def watch(self, *others: Identity) -> None:
        """Watches these, who are all there."""
        await self.viewer.view(["audio", "video"] * len(others))
        pictures = [each for each in self.viewer.watchers if each.track.kind == "video"]
        await eventually(lambda: {each.seen[-1] for each in pictures if each.seen} == set(others))

    async def leave(self) -> None:
        """Hangs up."""
        await asyncio.gather(self.publisher.close(), self.viewer.close())


@dataclass
class Party:
    """Who is in the call, and where."""

    bridge: Bridge
    room: str
    album: Album
    doctor: Page
    patient: Page
    kin: Page | None = None
    interpreter: Page | None = None

    @property
    def pages(self) -> dict[str, Page]:
        """Of those who are there."""
        every = {"doctor": self.doctor, "patient": self.patient, "kin": self.kin, "interpreter": self.interpreter}
        return {who: page for who, page in every.items() if page is not None}

    async def keep(self, step: str, *of: str) -> None:
        """Screenshots of some, or of all."""
        await self.album.keep(step, **{who: page for who, page in self.pages.items() if not of or who in of})

    async def all_show(self, text: str, where: str, *, but: str = "") -> None:
        """Waits until these words stand on everybody's page."""
        await asyncio.gather(*(shows(page, text, where) for who, page in self.pages.items() if who != but))


async def test_the_whole_consultation(
    unstarted: Bridge, providers: list[Counterpart], room: str, driver: Driver
) -> None:
    bridge, album, receiver = unstarted, Album(), Receiver()
    async with receiver.serve() as hook:
        configure(bridge, providers, hook)
        try:
            bridge.start()
            await play(bridge, driver, room, album)
            # How a recording ends takes a moment, while the room is closed.
            ends = {"call.ended", "recording.ready"}
            await eventually(lambda: ends <= {each["type"] for each in receiver.told})
            story = await Story.read(bridge, room, receiver)
        finally:
            bridge.stop()
    check(story)


def check(story: Story) -> None:
    """Whatever tells of the call tells the same."""
    by_lobby = ["waiting", "admitted", "joined"]
    assert story.lives() == {
        "fastlege": ["joined", "left: ended"],
        "pasient": [*by_lobby, "left: ended"],
        "parorende": [*by_lobby, "left: removed"],
        "tolk": [*by_lobby, "left: ended"],
        "nav": [*by_lobby, "left: left"],
        "opptak": ["joined", "left: ended"],
    }
    recording = story.recording()
    assert recording[:6] == [
        *("given: fastlege", "changed: asking", "refused: parorende", "changed: off"),
        *("given: fastlege", "changed: asking"),
    ]
    assert sorted(recording[6:9]) == ["given: parorende", "given: pasient", "given: tolk"]
    assert recording[9:] == ["changed: on", "changed: off", "ready: stopped"]
    assert story.written() == story.told()
    assert story.decisions() == [
        *("message_lobby: pasient", "admit: pasient", "invite", "invite", "invite"),
        *(f"admit: {role}" for role in sorted(("parorende", "tolk", "nav"))),
        *("remove: parorende", "lock", "end"),
    ]
    assert story.of("signed_in", "provider", "level") == {("id-porten", "high"), ("helseid", "high")}
    assert story.of("join_denied", "code", "role") == {("banned", "parorende")}
    assert story.kinds("still_") == ["still_asked", "still_consented", "still_ended"]
    *sessions, call = story.records
    assert {(each["role"], each["door"], each["reason"]) for each in sessions} == {
        ("fastlege", "websocket", "ended"),
        ("nav", "whep", "left"),
        ("nav", "whip", "left"),
        # Those that it knocked by.
        ("nav", "whip", "replaced"),
        ("parorende", "websocket", "removed"),
        ("pasient", "websocket", "ended"),
        ("tolk", "websocket", "ended"),
    }
    assert {each["person"] for each in sessions} == {story.person(role) for role in ROLES}
    assert (call["most_participants"], call["removed"], call["waits"]) == (5, 1, 4)
    assert call["joins"] == ",".join(f"{role}:1" for role in sorted(ROLES))
    assert call["recorded_seconds"] > 0
    assert story.streams == ["timeline", *(f"track-{number}" for number in (1, 2, 3, 4))]
    for secret in (PERSON, HPR, "/signin#"):
        assert secret not in story.exported, "nobody is named in the audit log"
    # Names as words: a pseudonym is 43 letters and digits by chance, and three of them in a row may be anybody's.
    named = {part for name in ROLES.values() for part in name.split()}
    assert not named.intersection(re.split(r"\W+", story.exported)), "nobody is named in the audit log"


async def play(bridge: Bridge, driver: Driver, room: str, album: Album) -> None:
    vendor = Vendor(bridge.url, bridge.data)
    to_patient, to_doctor = [
        f"{bridge.url}/signin#{await vendor.invite(room=room, **who)}"
        for who in ({"role": "pasient", "person": PERSON, "name": KARI}, {"role": "fastlege", "hpr_number": HPR})
    ]
    chromium, firefox = await asyncio.gather(driver.launch("chromium"), driver.launch("firefox", identity=KIN))
    patient, doctor = await asyncio.gather(
        patient_waits(chromium, to_patient, album), doctor_prepares(chromium, to_doctor)
    )
    party = Party(bridge, room, album, doctor, patient)
    await they_meet(party)
    links = await others_are_invited(party)
    party.kin, party.interpreter, office = await asyncio.gather(
        guest_waits(firefox, links[0], KIN, OLA),
        guest_waits(chromium, links[1], INTERPRETER, IRINA),
        Office.follow(bridge, links[2], room),
    )
    await nav_takes_part(party, office)
    await they_show_things(party)
    await they_record(party)
    await it_ends(party)


async def they_meet(party: Party) -> None:
    """The doctor comes, sees who waits, is late, and lets the patient in."""
    doctor, patient = party.doctor, party.patient
    await press(doctor, "Bli med")
    await people(doctor, 1, waiting=1)
    await shows(doctor, f"{KARI}\nPasient · Høyt sikkerhetsnivå", ".person.is-waiting")
    await press(doctor, f"Skriv til {KARI}")
    await doctor.choose("Beskjed", "Forsinket")
    await doctor.fill("Tekst (kan stå tom)", "Beklager, jeg kommer straks.")
    await press(doctor, "Send", within="dialog")
    await shows(patient, "Timen er omtrent 10 minutter forsinket. Beklager, jeg kommer straks.", ".lobby-messages")
    await party.keep("waiting")
    await press(doctor, f"Slipp inn {KARI}")
    await asyncio.gather(doctor.expect(PATIENT), patient.expect(DOCTOR))
    await party.keep("call")


async def others_are_invited(party: Party) -> list[str]:
    """The patient would have her brother there; the doctor invites him, an interpreter, and NAV."""
    doctor, patient, album = party.doctor, party.patient, party.album
    await people(patient, 2)
    await press(patient, "Foreslå å invitere noen")
    await patient.choose("Hvem er det?", "Pårørende")
    await patient.fill("Navn", OLA)
    await press(patient, "Send", within="dialog")
    await press(doctor, f"Inviter {OLA}")
    accepted = asyncio.create_task(shows(patient, f"{OLA} blir invitert.", "#notices"))
    await doctor.wait("document.querySelector('#invite-name')?.value")
    await album.keep("invite", doctor=doctor)
    kin = await made_link(doctor, album)
    await accepted
    await press(patient, "Lukk", within=".panel")
    return [kin, await link_for(doctor, "Tolk", IRINA), await link_for(doctor, "NAV", OFFICE)]


async def nav_takes_part(party: Party, office: Office) -> None:
    """Three wait, and are let in at once; NAV by its own system, which nobody can ask whether it may be recorded."""
    doctor = party.doctor
    entering = asyncio.create_task(office.enter())
    await people(doctor, 2, waiting=3)
    await shows(doctor, f"{OFFICE}\nNAV · Gjest uten innlogging")
    await party.keep("three-wait", "doctor", "kin")
    await press(doctor, "Slipp inn alle")
    await entering
    # Of five who speak at once, three are heard.
    await asyncio.gather(
        sees(doctor, PATIENT, KIN, INTERPRETER, NAV), sees(party.patient, DOCTOR, KIN, INTERPRETER, NAV)
    )
    await office.watch(DOCTOR, PATIENT, KIN, INTERPRETER)
    await party.keep("five")
    refusal = asyncio.create_task(shows(doctor, "uten å kunne bli spurt om opptak", "#notices"))
    await press(doctor, "Be om å ta opptak")
    await refusal
    await office.leave()


async def they_show_things(party: Party) -> None:
    """The interpreter is pinned; a screen, a message, and a still picture."""
    doctor, patient, kin = party.doctor, party.patient, party.kin
    assert kin is not None
    await people(doctor, 4)
    await press(patient, f"Fest {IRINA}")
    await patient.wait("document.querySelector('.screens .tile.has-picture')")
    await press(doctor, "Del skjerm")
    await kin.expect(DOCTOR, PATIENT, INTERPRETER, screens=[SCREEN])
    await patient.expect(DOCTOR, KIN, INTERPRETER, screens=[SCREEN])
    await party.keep("screen")
    await press(doctor, "Stopp deling")

    await press(patient, "Meldinger")
    await patient.fill("Skriv en melding", "Jeg tar to tabletter om dagen.")
    await press(patient, "Send", within=".panel")
    await press(doctor, "Meldinger, 1 uleste")
    await shows(doctor, f"{KARI}", ".chat-message")
    await shows(doctor, "Jeg tar to tabletter om dagen.", ".chat-text")
    await party.keep("chat", "doctor", "patient")
    await press(patient, "Lukk", within=".panel")

    await people(doctor, 4)
    await choose_for(doctor, KARI, "Be om et skarpt bilde")
    await shows(patient, f"{LINE} ber om et skarpt bilde")
    await press(patient, "Ta bilde")
    await press(patient, "Send bildet")
    await doctor.wait("document.querySelector('.still-image')?.naturalWidth > 0")
    await party.keep("still", "doctor")
    await press(doctor, "Lukk", within=".still-viewer")


async def they_record(party: Party) -> None:
    """Not while one says no; then all say yes."""
    doctor, kin = party.doctor, party.kin
    assert kin is not None
    await people(doctor, 4)
    for answers in ({"kin": "Nei"}, dict.fromkeys(("patient", "kin", "interpreter"), "Ja, jeg samtykker")):
        await press(doctor, "Be om å ta opptak")
        await party.all_show(f"{LINE} vil ta opp samtalen", "dialog.question", but="doctor")
        if "Nei" in answers.values():
            await party.keep("consent")
        for who, answer in answers.items():
            await press(party.pages[who], answer, within="dialog.question")
        if "Nei" in answers.values():
            await doctor.wait("document.querySelector('p.recording').textContent === ''")
            assert not tracks(party.bridge)
    await party.all_show("Opptak pågår", "p.recording")
    # Everybody's words are on the disk.
    await eventually(lambda: len(tracks(party.bridge)) == 4)
    await party.keep("recording")


async def it_ends(party: Party) -> None:
    """One is taken out and stays out, the room is locked, and it ends for all."""
    doctor, kin = party.doctor, party.kin
    assert kin is not None
    # The recorder is in the list, and is no person.
    await people(doctor, 4)
    await choose_for(doctor, OLA, "Ta ut av samtalen")
    await press(doctor, "Ta ut av samtalen", within="dialog.question")
    await shows(kin, "Du er ikke lenger med i samtalen", "h1")
    await press(doctor, "Lås samtalen")
    await shows(doctor, "Lås opp samtalen", ".host-actions")
    await kin.reload()
    await preview(kin)
    await press(kin, "Bli med")
    await shows(kin, "Du er ikke lenger med i samtalen", "h1")
    await party.keep("locked", "doctor", "kin")
    await press(doctor, "Avslutt for alle", within=".panel")
    await press(doctor, "Avslutt for alle", within="dialog.question")
    await party.all_show("Samtalen er avsluttet", "h1", but="kin")
    await party.keep("ended", "patient")
