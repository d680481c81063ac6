export { askHere } from './ask-here.ts';
