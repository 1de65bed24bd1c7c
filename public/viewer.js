// The 3D view of a docking: its receptor, its poses one at a time, and the box that was searched. Mol* comes from this
// server and is fetched when the first view opens. Nothing is asked of any other site.

const MOLSTAR = '/vendor/molstar/molstar'
let library

// Opens the view that a link asks for: in the page where it names a place, else in a panel over the page.
export async function open (link) {
  const id = link.dataset.pose
  const place = document.getElementById(link.dataset.stage) ?? panel()
  const frame = element('section', { className: place.id === 'viewer' ? 'viewer panel' : 'viewer', tabIndex: -1 })
  frame.setAttribute('aria-label', '3D view')
  place.replaceChildren(frame)
  // Before there is anything to see: keys that are pressed as soon as there is are meant for it.
  frame.focus()
  const close = () => {
    frame.dispatchEvent(new Event('closed'))
    place.replaceChildren()
    link.focus()
  }
  // Whoever reads by a link has its files only, and no word of the API, which would send others to where a file lies: a page
  // asks this server alone.
  const { name, files } = link.dataset
  const api = `/api/v1/jobs/${encodeURIComponent(id)}`
  const file = one => files ? `${files}/${one}` : `${api}/files/${one}?content=true`
  try {
    const job = await (await answered(files ? file('metrics.json') : api)).json()
    const view = await show(frame, {
      name: name ?? job.name,
      receptorUrl: file('receptor.pdbqt'),
      posesUrl: file('poses.sdf'),
      box: job.provenance?.box,
      close
    })
    if (place.id === 'viewer') followRows(frame, id)
    return view
  } catch (failed) {
    say(frame, failed.message)
    frame.append(element('p', { className: 'controls' }, button('Close', close)))
  }
}

// Shows a receptor, poses and a box in an element.
export async function show (frame, { name, receptorUrl, posesUrl, box, close }) {
  if (!canDraw()) throw new Error('This browser cannot draw in 3D (WebGL is missing or switched off). The files of the result can be opened in another program.')
  const controls = element('div', { className: 'controls' })
  const canvas = element('div', { className: 'canvas' })
  frame.replaceChildren(controls, canvas)
  say(canvas, 'Loading the receptor and the poses…')
  const [molstar, receptor, poses] = await Promise.all([loadLibrary(), text(receptorUrl), text(posesUrl)])
  canvas.replaceChildren()
  const viewer = await molstar.Viewer.create(canvas, {
    layoutIsExpanded: false,
    layoutShowControls: false,
    layoutShowRemoteState: false,
    layoutShowSequence: false,
    layoutShowLog: false,
    viewportShowExpand: false,
    viewportShowSelectionMode: false,
    viewportShowAnimation: false,
    viewportShowControls: false,
    viewportShowSettings: false,
    disabledExtensions: [],
    extensions: [],
    volumeStreamingDisabled: true
  })
  const plugin = viewer.plugin
  plugin.canvas3d?.setProps({ renderer: { backgroundColor: background() } })
  frame.addEventListener('closed', () => plugin.dispose())

  await draw(plugin, receptor, 'pdbqt', [
    { type: 'cartoon', color: 'uniform', colorParams: { value: 0xaab4ba } },
    { type: 'line', color: 'element-symbol', typeParams: { sizeFactor: 1, alpha: 0.35 } }
  ])
  if (box) await draw(plugin, boxAsMol(box), 'mol', [{ type: 'line', color: 'uniform', colorParams: { value: 0x8a949b } }])

  const records = poses.split(/^\$\$\$\$\r?\n?/m).filter(record => record.trim())
  let place = -1
  let drawn
  let turn = Promise.resolve()
  const label = element('span', { ariaLive: 'polite' })
  const choose = next => {
    if (next < 0 || next >= records.length || next === place) return
    place = next
    label.textContent = `${name}: pose ${place + 1} of ${records.length}, ${score(records[place])}`
    before.disabled = place === 0
    after.disabled = place === records.length - 1
    turn = turn.then(async () => {
      if (drawn) await plugin.build().delete(drawn).commit()
      drawn = await draw(plugin, records[next], 'sdf', [
        { type: 'ball-and-stick', color: 'element-symbol', colorParams: { carbonColor: { name: 'uniform', params: { value: 0x0f8a80 } } }, typeParams: { sizeFactor: 0.3 } }
      ], drawn === undefined)
    })
    return turn
  }
  const before = button('←', () => choose(place - 1), 'Pose before')
  const after = button('→', () => choose(place + 1), 'Next pose')
  const leave = button('Close', close)
  leave.classList.add('close')
  controls.append(before, after, label, leave)
  frame.addEventListener('keydown', event => {
    if (event.key === 'ArrowLeft') choose(place - 1)
    else if (event.key === 'ArrowRight') choose(place + 1)
    else if (event.key === 'Escape') close()
    else return
    event.preventDefault()
    event.stopPropagation()
  }, { capture: true })
  await choose(0)
  return { choose }
}

// Adds a structure with its representations; answers what to delete to take it away. Mol* writes the names that it finds
// into its labels as HTML: where no tag can begin they are text.
async function draw (plugin, content, format, looks, focus = false) {
  const data = await plugin.builders.data.rawData({ data: content.replaceAll('<', '‹') })
  const trajectory = await plugin.builders.structure.parseTrajectory(data, format)
  const model = await plugin.builders.structure.createModel(trajectory)
  const structure = await plugin.builders.structure.createStructure(model)
  for (const look of looks) await plugin.builders.structure.representation.addRepresentation(structure, look)
  if (focus) {
    const sphere = structure.cell.obj?.data.boundary.sphere
    if (sphere) plugin.managers.camera.focusSphere(sphere, { extraRadius: 12, durationMs: 0 })
  }
  return data.ref
}

// The edges of a box as a molecule of eight points and twelve bonds.
function boxAsMol ({ center, size }) {
  const corners = [...Array(8).keys()].map(corner =>
    center.map((middle, axis) => middle + (corner >> axis & 1 ? 0.5 : -0.5) * size[axis]))
  const edges = corners.flatMap((_, corner) =>
    [1, 2, 4].filter(step => !(corner & step)).map(step => [corner + 1, corner + step + 1]))
  const number = value => value.toFixed(4).padStart(10)
  return [
    'box', '', '',
    '  8 12  0  0  0  0  0  0  0  0999 V2000',
    ...corners.map(point => `${point.map(number).join('')} He  0  0  0  0  0  0  0  0  0  0  0  0`),
    ...edges.map(([from, to]) => `${String(from).padStart(3)}${String(to).padStart(3)}  1  0`),
    'M  END', ''
  ].join('\n')
}

function score (record) {
  const found = record.match(/^> *<docking_score>[^\n]*\n([^\r\n]+)/m)
  return found ? `${found[1].replace('-', '−')}\u2009kcal/mol` : 'no score'
}

// An arrow up or down goes to the row above or below, in the order of the table.
function followRows (frame, id) {
  frame.addEventListener('keydown', event => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!step) return
    const links = [...document.querySelectorAll('tbody [data-pose]')]
    const next = links[links.findIndex(link => link.dataset.pose === id) + step]
    if (!next) return
    event.preventDefault()
    frame.dispatchEvent(new Event('closed'))
    open(next)
  }, { capture: true })
}

function panel () {
  const place = document.getElementById('viewer') ?? element('div', { id: 'viewer' })
  if (!place.isConnected) document.body.append(place)
  place.firstElementChild?.dispatchEvent(new Event('closed'))
  return place
}

function loadLibrary () {
  library ??= new Promise((resolve, reject) => {
    const script = element('script', { src: `${MOLSTAR}.js` })
    script.onload = () => resolve(window.molstar)
    script.onerror = () => {
      library = undefined
      reject(new Error('The 3D viewer could not be loaded. Check the connection and try again.'))
    }
    document.head.append(element('link', { rel: 'stylesheet', href: `${MOLSTAR}.css` }), script)
  })
  return library
}

async function answered (url) {
  const answer = await fetch(url).catch(() => { throw new Error('The hub does not answer. Check the connection and try again.') })
  if (!answer.ok) throw new Error(`A file of the result could not be read (${answer.status}).`)
  return answer
}

const text = async url => (await answered(url)).text()

function canDraw () {
  const canvas = document.createElement('canvas')
  return Boolean(canvas.getContext('webgl2') ?? canvas.getContext('webgl'))
}

function background () {
  return matchMedia('(prefers-color-scheme: dark)').matches ? 0x14191c : 0xffffff
}

function say (place, words) {
  place.replaceChildren(element('p', { className: 'said', role: 'status', textContent: words }))
}

function button (words, act, label = words) {
  const made = element('button', { type: 'button', className: 'button', textContent: words, title: label })
  made.setAttribute('aria-label', label)
  made.addEventListener('click', act)
  return made
}

function element (name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

window.omtxViewer = { show, open }
