/** The search attributes of this very workflow (SPEC T2): set only where it was started with all of ours. */
import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import {
  type AttributeValues,
  SEARCH_ATTRIBUTES,
  type SearchAttributeName,
} from '../domain/search-attributes.ts';

/** True when whoever started this workflow proved that the namespace knows all of them. */
export function isListed(): boolean {
  const { typedSearchAttributes } = workflowInfo();
  return SEARCH_ATTRIBUTES.every((name) => typedSearchAttributes.get(keyOf(name)) !== undefined);
}

/** One event in the history. The caller knows that they are registered. */
export function list(values: Partial<AttributeValues>): void {
  const pairs = SEARCH_ATTRIBUTES.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [{ key: keyOf(name), value }];
  });
  upsertSearchAttributes(pairs);
}

function keyOf(name: SearchAttributeName) {
  return defineSearchAttributeKey(name, 'KEYWORD');
}
