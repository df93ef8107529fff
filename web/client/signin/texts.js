import { language } from "../i18n.js";

const nb = {
  title: "Logg inn til videokonsultasjonen",
  opening: "Åpner lenken …",
  lead: "Lenken er personlig. Logg inn, så slipper du inn på venterommet.",
  leadHigh: "Denne samtalen krever sikker innlogging, for eksempel med BankID.",
  signInWith: "Logg inn med {title}",
  again: "Logg inn på nytt med {title}",
  guestTitle: "Du er invitert til en videokonsultasjon",
  guestLead: "Du trenger ikke å logge inn. Lenken virker i én nettleser: fortsett på den enheten du skal bruke.",
  proceed: "Fortsett",
  questionTitle: "Et spørsmål før du slipper inn",
  birthDate: "Når er du født?",
  name: "Hva heter du? Skriv navnet slik du ble invitert.",
  signedInAs: "Du er logget inn som {name}.",
  signedIn: "Du er logget inn.",
  signOut: "Logg ut",
  notYours: "Lenken er til noen andre enn den som er logget inn.",
  notFound: "Lenken finnes ikke, eller den er utløpt. Be den som sendte den, om en ny.",
  used: "Lenken er alt brukt i en annen nettleser. Be den som sendte den, om en ny.",
  notOpenYet: "Rommet er ikke åpnet ennå. Prøv igjen nærmere tiden for timen.",
  wrongAnswer: "Det stemmer ikke med invitasjonen. Prøv igjen. Etter fem feil svar virker lenken ikke lenger.",
  voided: "Det stemmer ikke med invitasjonen. Det var det femte svaret som var feil, og lenken virker ikke lenger. Be den som sendte den, om en ny.",
  tooLow: "Innloggingen var på et lavere nivå enn det som kreves her. Logg inn på nytt med BankID eller Buypass.",
  cancelled: "Innloggingen ble avbrutt.",
  cookies: "Nettleseren blokkerer informasjonskapsler. Tillat dem for denne siden, eller åpne lenken i en annen nettleser.",
  expired: "Innloggingen tok for lang tid, eller ble startet i et annet vindu. Prøv igjen.",
  unavailable: "Innloggingen virker ikke akkurat nå. Prøv igjen om litt.",
  noLink: "Åpne lenken du fikk tilsendt.",
  outOfOrder: "Noe i tjenesten er ute av drift. Lenken gjelder fortsatt: prøv igjen om noen minutter.",
  failed: "Noe gikk galt. Prøv igjen.",
  tryAgain: "Prøv igjen",
};

/** @typedef {keyof typeof nb} Key */

/** @type {Record<Key, string>} */
const nn = {
  title: "Logg inn til videokonsultasjonen",
  opening: "Opnar lenka …",
  lead: "Lenka er personleg. Logg inn, så slepp du inn på venterommet.",
  leadHigh: "Denne samtalen krev sikker innlogging, til dømes med BankID.",
  signInWith: "Logg inn med {title}",
  again: "Logg inn på nytt med {title}",
  guestTitle: "Du er invitert til ein videokonsultasjon",
  guestLead: "Du treng ikkje å logge inn. Lenka verkar i éin nettlesar: hald fram på den eininga du skal bruke.",
  proceed: "Hald fram",
  questionTitle: "Eit spørsmål før du slepp inn",
  birthDate: "Når er du fødd?",
  name: "Kva heiter du? Skriv namnet slik du vart invitert.",
  signedInAs: "Du er logga inn som {name}.",
  signedIn: "Du er logga inn.",
  signOut: "Logg ut",
  notYours: "Lenka er til ein annan enn den som er logga inn.",
  notFound: "Lenka finst ikkje, eller ho er gått ut. Be den som sende ho, om ei ny.",
  used: "Lenka er alt brukt i ein annan nettlesar. Be den som sende ho, om ei ny.",
  notOpenYet: "Rommet er ikkje opna enno. Prøv igjen nærare tida for timen.",
  wrongAnswer: "Det stemmer ikkje med invitasjonen. Prøv igjen. Etter fem feil svar verkar ikkje lenka lenger.",
  voided: "Det stemmer ikkje med invitasjonen. Det var det femte svaret som var feil, og lenka verkar ikkje lenger. Be den som sende ho, om ei ny.",
  tooLow: "Innlogginga var på eit lågare nivå enn det som krevst her. Logg inn på nytt med BankID eller Buypass.",
  cancelled: "Innlogginga vart avbroten.",
  cookies: "Nettlesaren blokkerer informasjonskapslar. Tillat dei for denne sida, eller opne lenkja i ein annan nettlesar.",
  expired: "Innlogginga tok for lang tid, eller vart starta i eit anna vindauge. Prøv igjen.",
  unavailable: "Innlogginga verkar ikkje akkurat no. Prøv igjen om litt.",
  noLink: "Opne lenka du fekk tilsend.",
  outOfOrder: "Noko i tenesta er ute av drift. Lenka gjeld framleis: prøv igjen om nokre minutt.",
  failed: "Noko gjekk gale. Prøv igjen.",
  tryAgain: "Prøv igjen",
};

/** @type {Record<Key, string>} */
const en = {
  title: "Sign in to the video consultation",
  opening: "Opening the link …",
  lead: "The link is personal. Sign in to get to the waiting room.",
  leadHigh: "This call takes a secure sign-in, such as BankID.",
  signInWith: "Sign in with {title}",
  again: "Sign in again with {title}",
  guestTitle: "You are invited to a video consultation",
  guestLead: "You need not sign in. The link works in one browser: go on with the device that you want to use.",
  proceed: "Continue",
  questionTitle: "A question before you get in",
  birthDate: "When were you born?",
  name: "What is your name? Write it as in your invitation.",
  signedInAs: "You are signed in as {name}.",
  signedIn: "You are signed in.",
  signOut: "Sign out",
  notYours: "The link is for someone else than who is signed in.",
  notFound: "There is no such link, or it has expired. Ask whoever sent it for a new one.",
  used: "The link has been used in another browser. Ask whoever sent it for a new one.",
  notOpenYet: "The room is not open yet. Try again closer to your appointment.",
  wrongAnswer: "That does not go with the invitation. Try again. After five wrong answers the link works no more.",
  voided: "That does not go with the invitation. It was the fifth wrong answer, and the link works no more. Ask whoever sent it for a new one.",
  tooLow: "Your sign-in was at a lower level than is needed here. Sign in again with BankID or Buypass.",
  cancelled: "The sign-in was not completed.",
  cookies: "The browser blocks cookies. Allow them for this page, or open the link in another browser.",
  expired: "The sign-in took too long, or was started in another window. Try again.",
  unavailable: "Sign-in does not work at the moment. Try again in a while.",
  noLink: "Open the link that you were sent.",
  outOfOrder: "Something in the service is out of order. Your link stays valid: try again in a few minutes.",
  failed: "Something went wrong. Try again.",
  tryAgain: "Try again",
};

const LANGUAGES = { nb, nn, en };

/** @type {Record<string, Key>} */
const PROBLEMS = {
  invitation_not_yours: "notYours",
  invitation_not_found: "notFound",
  invitation_used: "used",
  invitation_not_open_yet: "notOpenYet",
  invitation_wrong_answer: "wrongAnswer",
  invitation_void: "voided",
  signin_level_too_low: "tooLow",
  signin_cancelled: "cancelled",
  signin_unknown_state: "expired",
  signin_required: "expired",
  signin_unavailable: "unavailable",
  signin_busy: "unavailable",
  invitations_unavailable: "outOfOrder",
  audit_unavailable: "outOfOrder",
};

/**
 * A text in the user's language.
 *
 * @param {Key} key
 * @param {Record<string, string>} [values] what `{…}` stand for
 */
export function say(key, values = {}) {
  return LANGUAGES[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/**
 * What a refusal of the bridge means to the person, in their language.
 *
 * @param {string} code
 */
export function sayProblem(code) {
  const key = PROBLEMS[code] ?? "failed";
  // The bridge cannot tell a browser that takes no cookie from one that was away for too long.
  return say(key === "expired" && !navigator.cookieEnabled ? "cookies" : key);
}
