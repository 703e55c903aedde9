// A new channel's address, proposed from its name until it is written by hand.

const title = document.getElementById("title"), name = document.getElementById("name");
let own = Boolean(name.value);

/** As the server makes it (base.text.handle): without accents, small letters, digits and underscores. */
const handle = (text) => text.replace(/œ/gi, "oe").replace(/æ/gi, "ae").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
  .replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 50).replace(/_+$/, "");

name.addEventListener("input", () => { own = name.value !== ""; });
title.addEventListener("input", () => { if (!own) name.value = handle(title.value); });
