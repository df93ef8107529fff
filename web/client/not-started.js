/**
 * Says so where the page did not start: the browser cannot run it, or did not get all of its files. Loaded by itself and
 * written as browsers understood it ten years ago: what does not know modules, or trips over newer syntax in them, never says
 * that it runs. What to do without its files stands in the document already; this shows it at once, in the user's language.
 */
(function () {
  "use strict";

  /** @type {Record<string, [title: string, body: string]>} */
  var TOO_OLD = {
    nb: [
      "Nettleseren er for gammel",
      "Siden virker ikke i denne nettleseren. Oppdater den, eller åpne lenken i en ny utgave av Chrome, Edge, Firefox eller Safari.",
    ],
    nn: [
      "Nettlesaren er for gammal",
      "Sida verkar ikkje i denne nettlesaren. Oppdater han, eller opne lenka i ei ny utgåve av Chrome, Edge, Firefox eller Safari.",
    ],
    en: [
      "The browser is too old",
      "The page does not work in this browser. Update it, or open the link in a new version of Chrome, Edge, Firefox or Safari.",
    ],
  };

  function language() {
    var first = (navigator.languages && navigator.languages[0]) || navigator.language || "nb";
    var wanted = first.toLowerCase().split("-")[0] || "";
    return /^(nb|no|da|sv)$/.test(wanted) ? "nb" : wanted === "nn" ? "nn" : "en";
  }

  /** Whether it has what the page's scripts are written in: the newest of that came with this. */
  function knowsThePage() {
    return "RTCPeerConnection" in window && "HTMLDialogElement" in window && "at" in Array.prototype;
  }

  /** The page is loaded anew by itself so many times, in milliseconds after it did not start. */
  var AGAIN_AFTER = [1000, 3000];
  var STORED = "bridge.loads";

  /**
   * A network that changes takes with it what is being loaded: a phone that leaves the house. Whether it is loaded anew.
   */
  function again() {
    try {
      var loads = Number(sessionStorage.getItem(STORED));
      var after = AGAIN_AFTER[loads];
      if (after === undefined || !knowsThePage()) {
        sessionStorage.removeItem(STORED);
        return false;
      }
      sessionStorage.setItem(STORED, String(loads + 1));
      setTimeout(function () {
        window.location.reload();
      }, after);
      return true;
    } catch (_) {
      // Without storage nobody knows how often that was.
      return false;
    }
  }

  function missing() {
    if (!again()) tell();
  }

  function tell() {
    var sections = document.querySelectorAll(".not-loaded section");
    var chosen = language();
    document.documentElement.lang = chosen;
    for (var index = 0; index < sections.length; index += 1) {
      var section = /** @type {HTMLElement} */ (sections[index]);
      var button = section.querySelector("button");
      section.hidden = section.lang !== chosen;
      if (section.hidden || button === null) continue;
      var old = TOO_OLD[chosen];
      if (!knowsThePage() && old !== undefined) {
        /** @type {HTMLElement} */ (section.querySelector("h1")).textContent = old[0];
        /** @type {HTMLElement} */ (section.querySelector("p")).textContent = old[1];
      } else {
        button.hidden = false;
        button.addEventListener("click", function () {
          window.location.reload();
        });
      }
    }
    document.documentElement.setAttribute("data-failed", "");
  }

  window.addEventListener("load", function () {
    if (!document.documentElement.hasAttribute("data-runs")) missing();
  });
  // Of the page itself, once it runs: when what it begins with does not come, and when it begins.
  document.addEventListener("notloaded", missing);
  document.addEventListener("started", function () {
    try {
      sessionStorage.removeItem(STORED);
    } catch (_) {
      // Nothing was counted either.
    }
  });
})();
