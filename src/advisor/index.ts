export { checksOn, type Looks, recommend, type Recommended } from './advisor.ts';
export { type Recommendation, recommendationType } from './contract.ts';
export { recommendationHandlers } from './handlers.ts';
