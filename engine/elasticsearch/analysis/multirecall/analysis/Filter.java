package multirecall.analysis;

import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** Token filter factories made of one function, in the three kinds that the server tells apart. */
final class Filter {

    private Filter() {}

    /** A filter that may change the text or the number of tokens; not allowed in a normalizer. */
    static TokenFilterFactory plain(String name, UnaryOperator<TokenStream> filter) {
        return new Plain(name, filter);
    }

    /** A filter that maps one token to one token character by character, so that a normalizer may use it. */
    static TokenFilterFactory normalizing(String name, UnaryOperator<TokenStream> filter) {
        return new Normalizing(name, filter);
    }

    /** A filter that yields several tokens at a place, which a synonym rule before it cannot be parsed with. */
    static TokenFilterFactory stacking(String name, UnaryOperator<TokenStream> filter) {
        return new Stacking(name, filter);
    }

    private record Plain(String name, UnaryOperator<TokenStream> filter) implements TokenFilterFactory {
        @Override
        public TokenStream create(TokenStream tokens) {
            return filter.apply(tokens);
        }
    }

    private record Normalizing(String name, UnaryOperator<TokenStream> filter)
        implements NormalizingTokenFilterFactory {
        @Override
        public TokenStream create(TokenStream tokens) {
            return filter.apply(tokens);
        }
    }

    private record Stacking(String name, UnaryOperator<TokenStream> filter) implements TokenFilterFactory {
        @Override
        public TokenStream create(TokenStream tokens) {
            return filter.apply(tokens);
        }

        @Override
        public boolean breaksFastVectorHighlighter() {
            return true;
        }

        @Override
        public TokenFilterFactory getSynonymFilter() {
            throw new IllegalArgumentException("Token filter [" + name + "] cannot be used to parse synonyms");
        }
    }
}
