/**
 * Holds messages to docs/protocol: the part of JSON Schema 2020-12 that those files use, and an error for any other.
 */
import { readFileSync } from "node:fs";

/** Words that say nothing about what is valid. */
const SILENT = new Set(["$schema", "$defs", "title", "description", "default"]);

/**
 * @param {"client" | "server"} side
 * @returns {(message: any) => string[]} what is wrong with a message of that side; nothing when it is valid
 */
export function protocolValidator(side) {
  const url = new URL(`../../docs/protocol/${side}-message.schema.json`, import.meta.url);
  const root = JSON.parse(readFileSync(url, "utf8"));
  return (message) => {
    // By its type, so that what is wrong is said of the message that was meant.
    const schema = Object.values(root.$defs).find(({ properties }) => properties?.type?.enum?.[0] === message.type);
    return schema ? check(root, schema, message, "") : [`no message has the type ${message.type}`];
  };
}

function check(root, schema, value, path) {
  const errors = [];
  // What is of another type has none of the parts that the other words ask for.
  if (schema.type && !TYPES[schema.type](value)) return RULES.type(schema.type, value, { path });
  for (const [word, rule] of Object.entries(schema)) {
    if (SILENT.has(word)) continue;
    const rules = RULES[word];
    if (rules === undefined) throw new Error(`the validator of the tests does not know "${word}"`);
    errors.push(...rules(rule, value, { root, schema, path }));
  }
  return errors;
}

const TYPES = {
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  null: (value) => value === null,
};

const unless = (holds, path, complaint) => (holds ? [] : [`${path || "message"} ${complaint}`]);

const RULES = {
  $ref: (ref, value, { root, path }) => check(root, root.$defs[ref.split("/").at(-1)], value, path),
  type: (type, value, { path }) => unless(TYPES[type](value), path, `is no ${type}`),
  enum: (words, value, { path }) => unless(words.includes(value), path, `is none of ${words}`),
  minimum: (bound, value, { path }) => unless(!(value < bound), path, `is below ${bound}`),
  maximum: (bound, value, { path }) => unless(!(value > bound), path, `is above ${bound}`),
  minLength: (bound, value, { path }) => unless(!(value?.length < bound), path, `is shorter than ${bound}`),
  maxLength: (bound, value, { path }) => unless(!(value?.length > bound), path, `is longer than ${bound}`),
  pattern: (pattern, value, { path }) => unless(new RegExp(pattern).test(value), path, `does not match ${pattern}`),
  minItems: (bound, value, { path }) => unless(value.length >= bound, path, `has fewer than ${bound}`),
  maxItems: (bound, value, { path }) => unless(value.length <= bound, path, `has more than ${bound}`),
  items: (rule, value, { root, path }) => value.flatMap((item, index) => check(root, rule, item, `${path}[${index}]`)),
  anyOf: (rules, value, { root, path }) =>
    unless(rules.some((rule) => check(root, rule, value, path).length === 0), path, "is none of what it may be"),
  required: (names, value, { path }) => names.flatMap((name) => unless(name in value, `${path}.${name}`, "is missing")),
  properties: (rules, value, { root, path }) =>
    Object.entries(rules).flatMap(([name, rule]) => (name in value ? check(root, rule, value[name], `${path}.${name}`) : [])),
  additionalProperties: (_, value, { schema, path }) =>
    Object.keys(value).flatMap((name) => unless(name in schema.properties, `${path}.${name}`, "is not known")),
};
