import { onBeforeUnmount, onMounted, ref, useTemplateRef } from 'vue'
import './chart.css'

/** What is around the drawing, in pixels. */
export interface ChartPad {
  left: number
  right: number
  top: number
  bottom: number
}

/**
 * What every chart over time shares: it is as wide as its place, the pointer and the arrow keys choose a point.
 * `count`: how many points there are; the frame carries `ref="host"` and the class `ui-chart`, `at` is the chosen point.
 */
export function useChart(count: () => number, pad: ChartPad, initial: number) {
  const host = useTemplateRef<HTMLElement>('host')
  const width = ref(initial)
  const at = ref<number | null>(null)
  let observer: ResizeObserver | undefined
  onMounted(() => {
    observer = new ResizeObserver(([entry]) => entry && (width.value = Math.max(240, entry.contentRect.width)))
    if (host.value) observer.observe(host.value)
  })
  onBeforeUnmount(() => observer?.disconnect())

  const inner = () => width.value - pad.left - pad.right
  const x = (i: number) => pad.left + (count() < 2 ? 0 : (i / (count() - 1)) * inner())
  /** Which points have a name below them: every n-th, so that names of `room` pixels do not touch. */
  function labelled(room: number): number[] {
    const every = Math.max(1, Math.ceil(count() / Math.max(2, Math.floor(inner() / room))))
    return Array.from({ length: count() }, (_, i) => i).filter((i) => i % every === 0)
  }
  /** Where a name below point `i` hangs, so that it stays inside. */
  const hang = (i: number, room: number) => (x(i) > width.value - room / 2 ? 'end' : x(i) < room / 2 ? '' : 'middle')
  function move(event: PointerEvent): void {
    const box = host.value?.getBoundingClientRect()
    if (!box || count() === 0) return
    const share = (event.clientX - box.left - pad.left) / inner()
    at.value = Math.round(Math.min(1, Math.max(0, share)) * (count() - 1))
  }
  /** Whether the key was one of the chart's. */
  function key(event: KeyboardEvent): boolean {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return false
    at.value = Math.min(count() - 1, Math.max(0, (at.value ?? (step > 0 ? -1 : count())) + step))
    event.preventDefault()
    return true
  }
  /** Left edge of the note at the chosen point, `room` pixels wide. */
  const tipLeft = (room: number) => `${Math.min(width.value - room, Math.max(0, x(at.value ?? 0) + 8))}px`
  return { width, at, x, labelled, hang, move, key, tipLeft }
}
