// Drawing a signature, where the device can. Without this file the typed name is enough.
(() => {
  const box = document.getElementById('draw')
  const pad = document.getElementById('pad')
  const out = document.getElementById('signature')
  const pen = pad && pad.getContext('2d')
  if (!box || !pen) return
  box.hidden = false
  pen.lineWidth = 4
  pen.lineCap = 'round'
  pen.strokeStyle = '#1d2329'
  let drawing = false
  const at = (e) => {
    const r = pad.getBoundingClientRect()
    return [((e.clientX - r.left) * pad.width) / r.width, ((e.clientY - r.top) * pad.height) / r.height]
  }
  pad.addEventListener('pointerdown', (e) => {
    drawing = true
    pad.setPointerCapture(e.pointerId)
    pen.beginPath()
    pen.moveTo(...at(e))
  })
  pad.addEventListener('pointermove', (e) => {
    if (!drawing) return
    pen.lineTo(...at(e))
    pen.stroke()
  })
  pad.addEventListener('pointerup', () => {
    drawing = false
    out.value = pad.toDataURL('image/png')
  })
  document.getElementById('again').addEventListener('click', () => {
    pen.clearRect(0, 0, pad.width, pad.height)
    out.value = ''
  })
})()
