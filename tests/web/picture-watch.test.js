import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { watchPicture } from "../../web/sdk/src/picture-watch.js";

/** What of a page is needed to watch a picture of 640×360 on it. */
class FakePage extends EventTarget {
  hidden = false;
  /** @type {unknown} */
  pictureInPictureElement = null;
  defaultView = { devicePixelRatio: 2 };

  /** @param {boolean} hidden */
  turn(hidden) {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

class FakeObserver {
  static last = null;

  constructor(notice) {
    this.notice = notice;
    FakeObserver.last = this;
  }

  observe() {}
  disconnect() {}
}

describe("watchPicture", () => {
  let page;
  let video;
  let heights;
  let end;
  let source;
  const aVideo = () =>
    Object.assign(new EventTarget(), { clientWidth: 640, clientHeight: 400, videoWidth: 640, videoHeight: 360, ownerDocument: page });

  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    page = new FakePage();
    Object.assign(globalThis, {
      document: page, devicePixelRatio: 2, ResizeObserver: FakeObserver, IntersectionObserver: FakeObserver,
      getComputedStyle: () => ({ objectFit: "contain" }),
    });
    video = aVideo();
    heights = [];
    source = { setHeight: (height) => heights.push(height) };
    end = watchPicture(video, source);
  });
  afterEach(() => mock.timers.reset());

  it("tells the lines of the whole picture, and none when it is out of sight", () => {
    video.dispatchEvent(new Event("resize"));
    FakeObserver.last.notice([{ isIntersecting: false }]);
    assert.deepEqual(heights, [720, 0]);
  });

  it("takes a page that is hidden for a while for one that nobody looks at", () => {
    page.turn(true);
    mock.timers.tick(4_000);
    page.turn(false);
    mock.timers.tick(0);
    assert.deepEqual(heights, [720]);
    page.turn(true);
    mock.timers.tick(5_000);
    page.turn(false);
    mock.timers.tick(0);
    assert.deepEqual(heights, [720, 0, 720]);
  });

  it("goes on with a picture that floats", () => {
    page.pictureInPictureElement = video;
    page.turn(true);
    mock.timers.tick(5_000);
    assert.deepEqual(heights, [720]);
  });

  it("counts the lines of the window that it floats in", () => {
    page.pictureInPictureElement = video;
    const pictureInPictureWindow = Object.assign(new EventTarget(), { width: 320, height: 200 });
    video.dispatchEvent(Object.assign(new Event("enterpictureinpicture"), { pictureInPictureWindow }));
    Object.assign(pictureInPictureWindow, { width: 160 }).dispatchEvent(new Event("resize"));
    page.pictureInPictureElement = null;
    video.dispatchEvent(new Event("leavepictureinpicture"));
    assert.deepEqual(heights, [360, 180, 720]);
  });

  it("takes what stands in a document of its own for seen, and the largest of several", () => {
    const floating = { ...aVideo(), ownerDocument: { defaultView: { devicePixelRatio: 1 } }, clientHeight: 200 };
    const other = Object.assign(new EventTarget(), floating);
    video.dispatchEvent(new Event("resize"));
    const endOther = watchPicture(other, source);
    other.dispatchEvent(new Event("resize"));
    page.turn(true);
    mock.timers.tick(5_000);
    endOther();
    assert.deepEqual(heights, [720, 720, 200, 200, 0]);
  });

  it("leaves nothing behind", () => {
    end();
    page.turn(true);
    mock.timers.tick(60_000);
    assert.deepEqual(heights, [null]);
  });
});
