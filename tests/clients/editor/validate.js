// For each file that is named: what is wrong with it by the schema on standard input, one JSON object a line.
import { readFileSync } from "node:fs";
import Ajv from "ajv";
import { parseAllDocuments } from "yaml";

const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(0, "utf8")));

/** The documents of a file as values; none where it is no YAML, or more than the library takes. */
function values(file) {
  try {
    const documents = parseAllDocuments(readFileSync(file, "utf8"));
    if (documents.some((document) => document.errors.length)) return null;
    return documents.map((document) => document.toJS()).filter((value) => value !== null);
  } catch {
    return null;
  }
}

for (const file of process.argv.slice(2)) {
  const read = values(file);
  const why = (read ?? []).map((value) => (validate(value) ? null : validate.errors)).filter((errors) => errors);
  console.log(JSON.stringify({ file, yaml: read !== null, valid: why.length === 0, why }));
}
