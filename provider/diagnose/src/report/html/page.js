"use strict";
for (const button of document.querySelectorAll(".copy")) {
  const code = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Without a clipboard the command is selected, for the keys of the system.
      button.textContent = "Selected";
    }
  });
}
