// Sends the form that goes on to another site, so that nobody has to press its button.
"use strict";
document.querySelector("form[data-submit]")?.submit();
