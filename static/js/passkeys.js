// A button that asks the phone for a passkey (WebAuthn) and sends the answer as a form.
// Options and answer travel as JSON with base64url in it; browsers before 2025 don't turn that into bytes themselves.
const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=/g, "");

async function answer(options) {
  options.challenge = toBytes(options.challenge);
  for (const known of options.allowCredentials || options.excludeCredentials || []) known.id = toBytes(known.id);
  if (options.user) options.user.id = toBytes(options.user.id);
  const asked = { publicKey: options };
  const { id, type, response } = await navigator.credentials[options.user ? "create" : "get"](asked);
  const sent = {};
  for (const part of PARTS) if (response[part]) sent[part] = toText(response[part]);
  return JSON.stringify({ id, rawId: id, type, response: sent });
}

function offer(form) {
  const [button, trouble] = form.querySelectorAll("button,[role=alert]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaBusy) return;
    button.ariaBusy = trouble.hidden = true;
    try {
      const reply = await fetch(`/passkeys/${form.dataset.passkey ? "new/" : ""}challenge`);
      if (reply.redirected) return location.reload(); // it must be shown again who it is: the page itself leads there
      form.elements.answer.value = await answer(await reply.json());
      form.submit();
    } catch {
      trouble.hidden = false;
      button.ariaBusy = null;
    }
  });
  addEventListener("pageshow", () => (button.ariaBusy = null)); // back from the browser's memory
}

// Passkeys hold for a name: at a bare address no browser has any.
if (window.PublicKeyCredential && !/^[\d.]+$|:/.test(location.hostname)) {
  document.querySelectorAll("[data-without-passkeys]").forEach((notice) => (notice.hidden = true));
  document.querySelectorAll("form[data-passkey]").forEach(offer);
}
