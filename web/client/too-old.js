/**
 * Says so where a browser cannot run the page. Loaded by itself and written as browsers understood it ten years ago: what
 * does not know modules, or trips over newer syntax in them, never says that it runs. What it shows may come later.
 */
(function () {
  "use strict";

  /** @type {Record<string, [title: string, body: string]>} */
  var TEXTS = {
    nb: [
      "Nettleseren er for gammel",
      "Siden virker ikke i denne nettleseren. Oppdater den, eller åpne lenken i en ny utgave av Chrome, Edge, Firefox eller Safari. Er den ny, last siden på nytt.",
    ],
    nn: [
      "Nettlesaren er for gammal",
      "Sida verkar ikkje i denne nettlesaren. Oppdater han, eller opne lenkja i ei ny utgåve av Chrome, Edge, Firefox eller Safari. Er han ny, last sida på nytt.",
    ],
    en: [
      "The browser is too old",
      "The page does not work in this browser. Update it, or open the link in a new version of Chrome, Edge, Firefox or Safari. If it is new, load the page again.",
    ],
  };

  function tell() {
    var view = document.getElementById("view");
    if (view === null || document.documentElement.hasAttribute("data-runs")) return;
    var first = (navigator.languages && navigator.languages[0]) || navigator.language || "nb";
    var wanted = first.toLowerCase().split("-")[0] || "";
    var language = /^(nb|no|da|sv)$/.test(wanted) ? "nb" : wanted === "nn" ? "nn" : "en";
    var texts = TEXTS[language];
    if (texts === undefined) return;
    document.documentElement.lang = language;
    var main = document.createElement("main");
    main.className = "message-page";
    var brand = document.createElement("div");
    brand.className = "brand";
    var mark = document.createElement("img");
    mark.src = "client/icon.svg";
    mark.alt = "";
    mark.width = mark.height = 32;
    brand.appendChild(mark);
    brand.appendChild(document.createTextNode(language === "en" ? "Video consultation" : "Videokonsultasjon"));
    main.appendChild(brand);
    var title = document.createElement("h1");
    title.textContent = texts[0];
    var body = document.createElement("p");
    body.textContent = texts[1];
    main.appendChild(title);
    main.appendChild(body);
    view.appendChild(main);
  }

  window.addEventListener("load", tell);
})();
