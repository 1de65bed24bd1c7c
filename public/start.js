// Starts the app in the browser. The names of the built files stand on the script's own element, so that no script
// stands in the page itself.

// A 3D view is fetched when somebody asks for one. This listens before the app's router does.
document.addEventListener('click', event => {
  const link = event.target.closest?.('[data-pose]')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
  event.preventDefault()
  event.stopImmediatePropagation()
  import('/viewer.js').then(viewer => viewer.open(link), () => { location.href = link.href })
}, { capture: true })

// Copies a reference or a link. A refused clipboard leaves the text there to be selected.
document.addEventListener('click', event => {
  const text = event.target.closest?.('[data-copy]')?.dataset.copy
  if (text) navigator.clipboard?.writeText(text).catch(() => {})
})

// What is shown to readers of a link has no app.
const start = document.querySelector('script[data-wasm]')
if (start) {
  const app = await import(start.dataset.js)
  await app.default({ module_or_path: start.dataset.wasm })
  app.hydrate()
}
