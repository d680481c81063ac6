export { type ByteBudget, type ByteShare, createByteBudget } from './byte-budget.ts';
export { answerList, type List } from './list-answer.ts';
export { readBounded } from './read-bounded.ts';
