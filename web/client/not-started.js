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
      "Sida verkar ikkje i denne nettlesaren. Oppdater han, eller opne lenkja i ei ny utgåve av Chrome, Edge, Firefox eller Safari.",
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
    if (!document.documentElement.hasAttribute("data-runs")) tell();
  });
  // Of the page itself, once it runs, when what it needs later does not come.
  document.addEventListener("notloaded", tell);
})();
