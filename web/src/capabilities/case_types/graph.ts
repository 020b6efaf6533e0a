import type { Definition, StageDef } from './definition'
import { STEPS } from './definition'

/** The drawing of a type's stages: columns are the steps of the loop, rows the stages of a step. */
export interface Box {
  stage: StageDef
  x: number
  y: number
}
export interface Edge {
  from: string
  to: string
  path: string
  /** Back to an earlier step, or by a review. */
  kind: 'on' | 'back' | 'review'
}
export const WIDTH = 124
export const HEIGHT = 40
const GAP_X = 44
const GAP_Y = 26
/** Room for the names of the steps and, below them, for the ways that go over the heads of stages. */
const TOP = 44

export function layout(definition: Definition): { boxes: Box[]; edges: Edge[]; columns: { step: string; x: number }[]; width: number; height: number } {
  const steps = STEPS.filter((step) => definition.stage.some((stage) => stage.loop === step))
  const boxes: Box[] = []
  for (const [column, step] of steps.entries()) {
    for (const [row, stage] of definition.stage.filter((one) => one.loop === step).entries()) boxes.push({ stage, x: column * (WIDTH + GAP_X) + 8, y: TOP + row * (HEIGHT + GAP_Y) })
  }
  const rows = Math.max(1, ...steps.map((step) => definition.stage.filter((one) => one.loop === step).length))
  const bottom = TOP + rows * (HEIGHT + GAP_Y)
  const at = new Map(boxes.map((box) => [box.stage.key, box]))
  const edges: Edge[] = []
  let backs = 0
  const link = (from: Box, to: Box, kind: Edge['kind']) => {
    const [middle, goal] = [from.y + HEIGHT / 2, to.y + HEIGHT / 2]
    let path: string
    if (to.x > from.x) {
      const [x1, x2] = [from.x + WIDTH, to.x]
      // Over the heads of what stands between, when it is not the next column.
      const far = x2 - x1 > GAP_X + 1
      const bow = far ? Math.min(from.y, to.y) - 10 - Math.min(12, (x2 - x1) / 60) : 0
      path = far && from.y === to.y && blocked(boxes, from, to) ? `M${x1 - 24} ${from.y} C${x1} ${bow - 8} ${x2} ${bow - 8} ${x2 + 24} ${to.y}` : `M${x1} ${middle} C${x1 + 26} ${middle} ${x2 - 26} ${goal} ${x2} ${goal}`
    } else if (to.x === from.x) {
      const side = to.y > from.y ? 1 : -1
      const x = side > 0 ? from.x + WIDTH * 0.35 : from.x + WIDTH * 0.65
      const near = Math.abs(to.y - from.y) <= HEIGHT + GAP_Y
      path = near ? `M${x} ${side > 0 ? from.y + HEIGHT : from.y} L${x} ${side > 0 ? to.y : to.y + HEIGHT}` : `M${from.x + WIDTH} ${middle} C${from.x + WIDTH + 34} ${middle} ${from.x + WIDTH + 34} ${goal} ${from.x + WIDTH} ${goal}`
    } else {
      const deep = bottom + 6 + (backs % 5) * 7
      backs += 1
      const [x1, x2] = [from.x + WIDTH * 0.5 - 12, to.x + WIDTH * 0.5 + 12]
      path = `M${x1} ${from.y + HEIGHT} C${x1} ${deep} ${x2} ${deep} ${x2} ${to.y + HEIGHT}`
    }
    edges.push({ from: from.stage.key, to: to.stage.key, path, kind })
  }
  for (const box of boxes) {
    for (const key of box.stage.to ?? []) {
      const goal = at.get(key)
      if (goal && goal !== box) link(box, goal, goal.x < box.x ? 'back' : 'on')
    }
    for (const key of [box.stage.approved, box.stage.returned]) {
      const goal = key ? at.get(key) : undefined
      if (goal && goal !== box && !(box.stage.to ?? []).includes(goal.stage.key)) link(box, goal, 'review')
    }
  }
  return { boxes, edges, columns: steps.map((step, column) => ({ step, x: column * (WIDTH + GAP_X) + 8 })), width: steps.length * (WIDTH + GAP_X) - GAP_X + 16, height: bottom + (backs > 0 ? 34 : 0) }
}

const blocked = (boxes: Box[], from: Box, to: Box) => boxes.some((box) => box.x > from.x && box.x < to.x && box.y === from.y)
