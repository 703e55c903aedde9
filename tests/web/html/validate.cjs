// validate.cjs PACKAGES FILE…: html-validate's standard preset over files; one line a finding; exit 1 when there is one.
const { createRequire } = require("node:module");
const [, , packages, ...files] = process.argv;
const { HtmlValidate, StaticConfigLoader } = createRequire(`${packages}/`)("html-validate");

const rules = {
  "long-title": "off", // a title is the owner's words, as long as they are
  "require-sri": "off", // everything comes from this very server
  "no-trailing-whitespace": "off", // templates leave some; nobody sees it
  "doctype-style": "off", // upper case is as right as lower case
};

(async () => {
  const checker = new HtmlValidate(new StaticConfigLoader({ root: true, extends: ["html-validate:standard"], rules }));
  let found = 0;
  for (const file of files) {
    for (const { messages } of (await checker.validateFile(file)).results) {
      for (const { line, column, ruleId, message } of messages) {
        found += 1;
        console.log(`${file}:${line}:${column} ${ruleId}: ${message}`);
      }
    }
  }
  process.exit(found ? 1 : 0);
})();
