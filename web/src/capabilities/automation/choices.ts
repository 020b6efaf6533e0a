import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { FormField, FormOption, FormWords, Inbox } from '@/api/types'
import { useQuery } from '@tanstack/vue-query'
import { allOf, useCaseTypes, useDirectory } from '@/queries'
import { can } from '@/session'
import { words, type Vocabulary } from './rules'

export interface Choice {
  value: string
  label: string
}
const flat = (options: readonly FormOption[] | undefined, above = ''): [string, FormWords][] =>
  (options ?? []).flatMap((option) => {
    const path = above ? `${above}/${option.key}` : option.key
    return [[path, option.label], ...flat(option.option, path)] as [string, FormWords][]
  })

/** What the fields of conditions and their values are called, for those who build a condition and those who read one. */
export function useChoices(vocabulary: () => Vocabulary) {
  const { t, te } = useI18n()
  const directory = useDirectory()
  const types = useCaseTypes()
  const inboxes = useQuery({ queryKey: ['/inboxes'], queryFn: () => allOf<Inbox>('/inboxes'), enabled: computed(() => can('inbox.manage')), staleTime: 60_000 })
  const forms = computed(() => (types.data.value ?? []).flatMap((type) => type.form?.section.flatMap((section) => section.field) ?? []))
  const asked = (field: string): FormField | undefined => (field.startsWith('fields.') ? forms.value.find((one) => `fields.${one.key}` === field) : undefined)

  /** The values a field can have, where they are known; null where anything may be written. */
  function choicesOf(name: string): Choice[] | null {
    // Conditions of forms ask the case by `case.`.
    const field = name.replace(/^case\./, '')
    const named = (group: string, values: string[]) => values.map((value) => ({ value, label: te(`desk.${group}.${value}`) ? t(`desk.${group}.${value}`) : value }))
    if (field === 'priority') return named('priority', ['urgent', 'high', 'normal', 'low'])
    if (field === 'status') return named('status', ['open', 'waiting', 'resolved', 'closed'])
    if (field === 'team') return (directory.data.value?.teams ?? []).map((team) => ({ value: team.id, label: team.name }))
    if (field === 'assignee' || field === 'accountable') return (directory.data.value?.people ?? []).map((person) => ({ value: person.id, label: person.name }))
    if (field === 'inbox' && inboxes.data.value?.length) return inboxes.data.value.map((inbox) => ({ value: inbox.id, label: inbox.name }))
    if (field === 'org_unit') return (directory.data.value?.org_units ?? []).map((unit) => ({ value: unit.id, label: unit.name }))
    const known = vocabulary().fields.find((one) => one.name === name)
    if (known?.choices?.length) return known.choices.map((value) => ({ value, label: known.names?.[value] ?? (te(`rules.choice.${value}`) ? t(`rules.choice.${value}`) : value) }))
    if (field === 'type') return (types.data.value ?? []).map((type) => ({ value: type.key, label: words(type.name) }))
    return null
  }

  const fieldName = (field: string): string => words(vocabulary().fields.find((one) => one.name === field)?.label) || words(asked(field)?.label) || field

  /** A value as a person reads it; one that has no name stays as it is. */
  function valueName(field: string, value: string): string {
    const choice = choicesOf(field)?.find((one) => one.value === value)
    if (choice) return choice.label
    const of = (all: [string, FormWords | undefined][]) => words(all.find(([key]) => key === value)?.[1])
    if (field === 'stage') return of((types.data.value ?? []).flatMap((type) => type.stages.map((stage) => [stage.key, stage.name] as [string, FormWords]))) || value
    if (field === 'resolution') return of((types.data.value ?? []).flatMap((type) => type.resolutions.map((one) => [one.key, one.name] as [string, FormWords]))) || value
    if (field === 'clock') return te(`clock.kind.${value}`) ? t(`clock.kind.${value}`) : value
    if (field === 'channel' || field === 'message.channel') return te(`rules.channel.${value}`) ? t(`rules.channel.${value}`) : value
    return of(flat(asked(field)?.option)) || value
  }
  return { choicesOf, fieldName, valueName }
}
