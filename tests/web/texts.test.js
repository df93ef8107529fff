import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { LANGUAGES as operators } from "../../web/client/admin/texts.js";
import { useTexts } from "../../web/client/i18n.js";
import { arrange, arrangeLarge, initials } from "../../web/client/layout.js";
import { describeCallProblem } from "../../web/client/problems.js";
import { wayToPermission } from "../../web/client/permission.js";
import { en } from "../../web/client/text/en.js";
import { nb } from "../../web/client/text/nb.js";
import { nn } from "../../web/client/text/nn.js";
import { BridgeError } from "../../web/sdk/src/index.js";

const placeholders = (text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

describe("the texts", () => {
  for (const [language, texts] of Object.entries({ nn, en })) {
    it(`say in ${language} all that they say in bokmål, about the same things`, () => {
      assert.deepEqual(Object.keys(texts), Object.keys(nb));
      for (const key of Object.keys(nb)) assert.deepEqual(placeholders(texts[key]), placeholders(nb[key]), key);
    });
  }
});

describe("why there is no call, or no longer", () => {
  it("is said in words of its own for whatever the bridge closes with, but where the page or the bridge is at fault", () => {
    useTexts(nb);
    const table = readFileSync(new URL("../../docs/protocol/README.md", import.meta.url), "utf8").split("## Close codes")[1] ?? "";
    const codes = [...table.matchAll(/^\| \d+ \| (.*?) \|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code));
    assert.ok(codes.length > 15, String(codes));
    // Of these the SDK lets the user know nothing: it resumes, joins anew, or has left.
    const handled = ["left", "timed_out", "media_lost", "slow_reader", "session_not_found", "join_timeout"];
    const faults = ["internal_error", "bad_message", "join_first"];
    const unsaid = codes.filter((code) => describeCallProblem(new BridgeError(code, "")).title === nb.unknownTitle);
    assert.deepEqual(unsaid.filter((code) => !handled.includes(code)).sort(), faults.sort());
  });
});

describe("what keeps somebody out who was in", () => {
  for (const texts of [nb, nn, en]) {
    it(`is no matter of new calls: “${texts.lostTitle}”`, () => {
      useTexts(texts);
      const error = new BridgeError("records_unavailable", "");
      const said = (place) => (({ title, body }) => [title, body])(describeCallProblem(error, place));
      assert.deepEqual(said(undefined), [texts.drainingTitle, texts.outOfOrderBody]);
      for (const place of ["lobby", "call"]) assert.deepEqual(said(place), [texts.lostTitle, texts.outOfOrderBody]);
    });
  }
});

describe("what to do in a browser that was refused the camera", () => {
  const apple = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
  const google = "AppleWebKit/537.36 (KHTML, like Gecko)";
  const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
  for (const [name, userAgent, key, touchPoints = 0] of [
    ["Chrome", `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${google} Chrome/142.0.0.0 Safari/537.36`, "permissionChrome"],
    ["Edge", `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${google} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`, "permissionChrome", 10],
    ["Firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "permissionFirefox"],
    ["Safari", `${mac} ${apple} Version/18.5 Safari/605.1.15`, "permissionSafari"],
    ["Safari on an iPad", `${mac} ${apple} Version/18.5 Safari/605.1.15`, "permissionIosSafari", 5],
    ["Safari on an iPhone", `Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) ${apple} Version/18.5 Mobile/15E148 Safari/604.1`, "permissionIosSafari", 5],
    ["Chrome on an iPhone", `Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) ${apple} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1`, "permissionIosOther", 5],
    ["Chrome on Android", `Mozilla/5.0 (Linux; Android 10; K) ${google} Chrome/142.0.0.0 Mobile Safari/537.36`, "permissionAndroid", 5],
    ["Samsung's browser", `Mozilla/5.0 (Linux; Android 10; K) ${google} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`, "permissionAndroid", 5],
    ["Firefox on Android", "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "permissionAndroid", 5],
    ["one that nobody has heard of", "Mozilla/5.0 (Novel)", "permissionBody"],
  ]) {
    it(`is what holds for ${name}`, () => assert.equal(wayToPermission(userAgent, touchPoints), key));
  }
});

describe("the pages themselves", () => {
  for (const name of ["index", "signin"]) {
    it(`say in three languages that ${name}.html did not load, where no script does`, () => {
      const read = (/** @type {string} */ file) => readFileSync(new URL(`../../web/client/${file}.html`, import.meta.url), "utf8");
      assert.match(read(name), /<!-- not-loaded -->/);
      const sections = [...read("not-loaded").matchAll(/<section lang="(\w\w)">\s*<h1>[^<]+<\/h1>\s*<p>[^<]+<\/p>/g)];
      assert.deepEqual(sections.map(([, language]) => language), ["nb", "nn", "en"]);
    });
  }
});

describe("the texts for operators", () => {
  for (const language of ["nn", "en"]) {
    it(`say in ${language} all that they say in bokmål, about the same things`, () => {
      assert.deepEqual(Object.keys(operators[language]), Object.keys(operators.nb));
      for (const [key, text] of Object.entries(operators.nb)) {
        assert.deepEqual(placeholders(operators[language][key]), placeholders(text), key);
      }
    });
  }
});

describe("arrange", () => {
  it("fills a wide window with one wide tile", () => {
    assert.deepEqual(arrange(1, 1600, 900, 12), { width: 1600, height: 900, columns: 1 });
  });

  it("puts two beside each other where it is wide, above each other where it is high", () => {
    assert.equal(arrange(2, 1200, 600, 12).width, 594);
    assert.equal(arrange(2, 390, 640, 12).height, 314);
  });

  it("rather shows whole faces than high slices of them", () => {
    const { width, height } = arrange(3, 1256, 632, 12);
    assert.ok(width > height);
  });

  it("does not string many along the middle of a phone", () => {
    assert.equal(arrange(6, 374, 650, 12).columns, 2);
    assert.equal(arrange(3, 374, 650, 12).columns, 1);
  });

  it("always fits", () => {
    for (let count = 1; count <= 25; count += 1) {
      for (const [width, height] of [[390, 600], [1280, 640], [320, 320]]) {
        const tile = arrange(count, width, height, 12);
        const columns = Math.floor((width + 12) / (tile.width + 12));
        assert.ok(Math.ceil(count / columns) * (tile.height + 12) - 12 <= height, `${count} in ${width}×${height}`);
      }
    }
  });

  it("has nothing to show for nobody", () => {
    assert.deepEqual(arrange(0, 100, 100, 12), { width: 0, height: 0, columns: 0 });
  });
});

describe("arrangeLarge", () => {
  const area = ({ width, height }) => width * height;

  it("puts the others beside the large one where it is wide, and below where it is high", () => {
    const [wide, beside] = arrangeLarge(1, 3, 1256, 640, 12);
    assert.ok(beside.x >= wide.x + wide.width && area(wide) > 6 * area(beside));
    const [high, below] = arrangeLarge(1, 3, 374, 650, 12);
    assert.ok(below.y >= high.y + high.height && area(high) > 6 * area(below));
  });

  it("has everybody in sight, and nobody over another", () => {
    for (const [width, height] of [[1280, 640], [374, 650], [780, 300], [320, 320]]) {
      for (const large of [1, 2]) {
        for (let small = 0; small <= 24; small += 1) {
          const places = arrangeLarge(large, small, width, height, 12);
          assert.equal(places.length, large + small);
          for (const [index, one] of places.entries()) {
            const said = `${index} of ${large} and ${small} in ${width}×${height}`;
            assert.ok(one.width > 0 && one.x >= 0 && one.y >= 0 && one.x + one.width <= width + 1 && one.y + one.height <= height + 1, said);
            const over = places.slice(index + 1).some((other) => other.x < one.x + one.width && one.x < other.x + other.width && other.y < one.y + one.height && one.y < other.y + other.height);
            assert.ok(!over, said);
          }
        }
      }
    }
  });

  it("has all of it for the large one when nobody else is there", () => {
    assert.deepEqual(arrangeLarge(1, 0, 1600, 900, 12), [{ x: 0, y: 0, width: 1600, height: 900 }]);
  });
});

describe("initials", () => {
  it("are the first letters of the first and last name", () => {
    assert.equal(initials("Kari Nordmann"), "KN");
    assert.equal(initials("åse marie øye"), "ÅØ");
    assert.equal(initials("Tolk"), "T");
    assert.equal(initials(""), "");
  });
});
